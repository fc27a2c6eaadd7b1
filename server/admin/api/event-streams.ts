// Server-sent events: one look at the store each second for all streams, and none while nobody listens.
import type { Response } from 'express'
import type { EventRow, Store } from '../../inventory/store/open.ts'
import { readEventsAfter, readNewestEventId } from '../../inventory/store/read.ts'
import { HttpRefusal } from '../refusal.ts'
import type { Visit } from '../route.ts'

export type EventStreams = Readonly<{
  /**
   * @param machines whose events; null: all
   * @throws HttpRefusal 503 when there are too many streams, 429 when too many are this user's
   */
  open: (store: Store, visit: Visit, machines: ReadonlySet<string> | null) => Promise<'sent'>
  /** Ends all of them. */
  close: () => void
}>

export type StreamLimits = Readonly<{
  mostStreams: number
  /** Of one user: nobody keeps the others out. */
  mostOfOne: number
  pollMs: number
  /**
   * A comment so often, so that nobody between takes a silent connection for a dead one; and a look whether whoever
   * listens still may.
   */
  heartbeatMs: number
  /** After so long a stream ends; a browser comes back by itself, and is asked who it is. */
  longestMs: number
  /** Bytes of what came before that may not have been read when more comes. */
  mostBehind: number
}>

export const streamLimits: StreamLimits = {
  mostStreams: 200,
  mostOfOne: 40,
  pollMs: 1000,
  heartbeatMs: 15_000,
  longestMs: 15 * 60_000,
  mostBehind: 4 * 1024 * 1024,
}

/** Events that one look, and one coming back, may bring. */
const eventsPerLook = 5000
/** MySQL hands out a number before its transaction commits: an event may turn up below one that was read. */
const lookBackMs = 10_000

type Stream = Readonly<{
  user: string
  response: Response
  machines: ReadonlySet<string> | null
  /** What comes while the events before it are read; null as soon as those are sent. */
  held: { events: EventRow[] | null }
}>

export function openEventStreams(limits: StreamLimits = streamLimits): EventStreams {
  const streams = new Set<Stream>()
  const poller = openPoller(limits, (events) => {
    for (const stream of streams)
      if (stream.held.events === null) send(stream, events, limits)
      else stream.held.events.push(...events)
  })
  return {
    open: async (store, visit, machines) => {
      if (streams.size >= limits.mostStreams)
        throw new HttpRefusal(503, `${streams.size} streams of events are open, and no more are served`, {
          headers: { 'Retry-After': '10' },
        })
      const own = [...streams].filter(({ user }) => user === visit.actor.name)
      if (own.length >= limits.mostOfOne)
        throw new HttpRefusal(429, `${own.length} streams of ${visit.actor.name} are open, and no more are served`, {
          headers: { 'Retry-After': '10' },
        })
      const stream = startStream(visit, machines, limits, () => {
        streams.delete(stream)
        if (streams.size === 0) poller.stop()
      })
      streams.add(stream)
      await poller.start(store)
      const missed = await eventsMissed(store, visit, machines)
      const had = new Set(missed.map(({ id }) => id))
      send(stream, [...missed, ...(stream.held.events ?? []).filter(({ id }) => !had.has(id))], limits)
      stream.held.events = null
      if (missed.length === eventsPerLook) stream.response.end() // it comes back for the others
      return 'sent'
    },
    close: () => {
      for (const { response } of streams) response.end()
      poller.stop()
    },
  }
}

function startStream(
  visit: Visit,
  machines: ReadonlySet<string> | null,
  { heartbeatMs, longestMs }: StreamLimits,
  onEnd: () => void,
): Stream {
  const { response, actor } = visit
  const timers = [setInterval(() => void beat(visit), heartbeatMs), setTimeout(() => response.end(), longestMs)]
  response.once('close', () => {
    for (const timer of timers) clearTimeout(timer)
    onEnd()
  })
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
  })
  response.write('retry: 2000\n\n')
  return { user: actor.name, response, machines, held: { events: [] } }
}

/** While the store is away nobody can tell who may: the stream stays, and has nothing to say. */
async function beat({ response, mayStill }: Visit): Promise<void> {
  if (!(await mayStill().catch(() => true))) response.end()
  else if (!response.writableEnded) response.write(': nothing new\n\n')
}

/** What came since the event that was had last; without one the stream begins now. */
async function eventsMissed(
  store: Store,
  { request }: Visit,
  machines: ReadonlySet<string> | null,
): Promise<readonly EventRow[]> {
  const last = Number(request.get('last-event-id') ?? NaN)
  // Only theirs: who listens to a machine that was silent for long would else get nothing but others' events, again and again.
  const theirs = machines === null ? {} : { machines: [...machines] }
  return Number.isInteger(last) && last >= 0 ? readEventsAfter(store, last, { limit: eventsPerLook, ...theirs }) : []
}

function send({ response, machines }: Stream, events: readonly EventRow[], { mostBehind }: StreamLimits): void {
  if (response.writableEnded) return
  const own = machines === null ? events : events.filter(({ machine }) => machines.has(machine))
  if (own.length === 0) return
  // Before, for what comes now may be long: whoever reads has had what came before. It comes back, and says what it had.
  if (response.writableLength > mostBehind) return void response.destroy()
  response.write(own.map((event) => `id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`).join(''))
}

/** Looks for new events as long as it is not stopped; a look that fails is followed by another. */
function openPoller({ pollMs }: StreamLimits, deliver: (events: readonly EventRow[]) => void) {
  const state = { run: null as symbol | null }
  const look = async (store: Store, run: symbol, from: number): Promise<void> => {
    /** Numbers that were delivered above `floor`, with when they were first seen. */
    const known = new Map<number, number>()
    let floor = from
    while (state.run === run) {
      await new Promise((resolve) => setTimeout(resolve, pollMs))
      const found = await readEventsAfter(store, floor, { limit: eventsPerLook }).catch(() => [])
      if (state.run !== run) return
      const events = found.filter(({ id }) => !known.has(id))
      const now = performance.now()
      for (const { id } of events) known.set(id, now)
      if (events.length > 0) deliver(events)
      for (const [id, seenAt] of known)
        if (now - seenAt > lookBackMs || known.size > eventsPerLook / 2) {
          floor = Math.max(floor, id)
          known.delete(id)
        }
    }
  }
  return {
    start: async (store: Store): Promise<void> => {
      if (state.run !== null) return
      const run = Symbol('looking')
      state.run = run
      const from = await readNewestEventId(store)
      void look(store, run, from)
    },
    stop: (): void => {
      state.run = null
    },
  }
}

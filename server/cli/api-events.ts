// Events as the server streams them (server-sent events, HTML Living Standard §9.2), for as long as somebody reads.
import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import type { EventRow } from '../inventory/store/open.ts'
import { describeError } from '../manage/failure.ts'
import { ApiRefusal } from './api-answer.ts'
import type { ApiClient } from './api-client.ts'
import type { Io } from './io.ts'
import type { EventsHad } from './site.ts'

const pauseMs = 2000

/** A stream that ends is opened again where it ended, and a server that is away is waited for. */
export async function* followEvents(
  api: ApiClient,
  { wait, err }: Pick<Io, 'wait' | 'err'>,
  names: readonly string[],
  had: EventsHad,
  stop: AbortSignal,
): AsyncIterable<EventRow> {
  const known = new Set(had.events.map(({ id }) => id))
  const at = { newest: had.newest, isAway: false }
  const isStopped = (): boolean => stop.aborted
  while (!isStopped()) {
    try {
      for await (const event of eventsIn(await openStream(api, names, at.newest, stop))) {
        Object.assign(at, { newest: Math.max(at.newest, event.id), isAway: false })
        if (known.has(event.id)) continue
        yield event
      }
    } catch (error) {
      if (isStopped()) return
      if (error instanceof ApiRefusal && error.status < 500) throw error
      if (!at.isAway) err(`${api.url}: the stream of events broke off, trying again: ${describeError(error)}\n`)
      at.isAway = true
    }
    if (!isStopped()) await wait(pauseMs, stop)
  }
}

/** One machine has a stream of its own, be its row there or not. */
function openStream(api: ApiClient, names: readonly string[], last: number, stop: AbortSignal) {
  const headers = { Accept: 'text/event-stream', 'Last-Event-ID': String(last) }
  const [name = '', another] = names
  return another === undefined
    ? api.open(`/machines/${encodeURIComponent(name)}/events`, { headers }, stop)
    : api.open('/events', { headers, query: { select: ['', ...names] } }, stop)
}

async function* eventsIn(stream: IncomingMessage): AsyncIterable<EventRow> {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity }))
    if (line.startsWith('data: ')) yield JSON.parse(line.slice('data: '.length)) as EventRow
}

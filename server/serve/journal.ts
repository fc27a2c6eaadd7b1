// What machines report, on its way to the store: in batches, in order, kept on disk while the store is away.
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Token } from '../inventory/rows.ts'
import type { EventWriter } from '../inventory/store/event-writer.ts'
import { openEventWriter } from '../inventory/store/event-writer.ts'
import type { Store } from '../inventory/store/open.ts'
import type { NewEvent } from '../inventory/store/record.ts'
import { recordInstalled } from '../inventory/store/record.ts'

export type Entry =
  Readonly<{ kind: 'event'; event: NewEvent }> | Readonly<{ kind: 'installed'; token: Token; event: NewEvent }>

export type Journal = Readonly<{
  add: (entry: Entry) => void
  /** What has not reached the store yet. */
  pending: () => readonly Entry[]
  /** Writes what is pending to the store now, or to disk when that fails. */
  flush: () => Promise<void>
  close: () => Promise<void>
}>

const flushMs = 200
/** Beyond this many pending entries door events are dropped (and counted): reports of installs never are. */
const mostPending = 200_000

/** As many as a transaction may have, and a message to another thread or host. */
const mostAtOnce = 3000

type Options = Readonly<{ path: string; store: Store; log: Logger }>

/** Reads what an earlier process left behind and goes on from there. */
export async function openJournal(options: Options): Promise<Journal> {
  const { path, store, log } = options
  await mkdir(dirname(path), { recursive: true })
  const writer = openEventWriter(store)
  const pending: Entry[] = [...(await readEntries(path))]
  /** How many of `pending`, from the first, are on disk. */
  let saved = pending.length
  let dropped = 0
  let running: Promise<void> = Promise.resolve()

  const deliver = async (): Promise<void> => {
    if (pending.length === 0) return
    let sent = 0
    try {
      while (pending.length > 0) {
        const count = await sendFirst(store, writer, pending, log)
        pending.splice(0, count)
        sent += count
        await nextTurn()
      }
      if (dropped > 0) log.warn({ dropped }, 'events were dropped while the inventory was away')
      dropped = 0
      if (saved > 0) await rm(path, { force: true })
      saved = 0
    } catch (error) {
      log.debug({ err: error }, 'events wait for the inventory')
      if (saved !== pending.length || sent > 0) {
        const entries = [...pending] // what is added during the writing is not saved by it
        await saveEntries(path, entries)
        saved = entries.length
      }
    }
  }
  const flush = (): Promise<void> =>
    (running = running
      .then(deliver)
      .catch((error: unknown) => log.error({ err: error }, 'the journal can not be written')))
  const timer = setInterval(() => void flush(), flushMs)
  return {
    add: (entry) => {
      if (pending.length < mostPending || entry.kind === 'installed') pending.push(entry)
      else dropped++
    },
    pending: () => pending,
    flush,
    close: async () => {
      clearInterval(timer)
      await flush()
      await writer.close()
    },
  }
}

/** Sends the first entries that go together: a run of events, or one `installed`. Returns how many went. */
async function sendFirst(store: Store, writer: EventWriter, pending: readonly Entry[], log: Logger): Promise<number> {
  const [first] = pending
  if (first?.kind === 'installed') {
    const done = await recordInstalled(store, first.token, first.event)
    if (!done)
      log.warn({ machine: first.token.machine }, 'a journalled installed report came too late: its token is gone')
    return 1
  }
  const next = pending.slice(0, mostAtOnce)
  const end = next.findIndex((entry) => entry.kind === 'installed')
  const run = end < 0 ? next : next.slice(0, end)
  await writer.write(run.map((entry) => entry.event))
  return run.length
}

async function readEntries(path: string): Promise<readonly Entry[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  })
  return text.split('\n').flatMap((line): Entry[] => {
    try {
      return line === '' ? [] : [JSON.parse(line) as Entry]
    } catch {
      return [] // the last line of a crash
    }
  })
}

async function saveEntries(path: string, entries: readonly Entry[]): Promise<void> {
  const temporary = `${path}.new`
  const handle = await open(temporary, 'w', 0o600)
  try {
    await handle.writeFile(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, path)
}

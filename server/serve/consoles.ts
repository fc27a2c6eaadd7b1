// The newest console of each machine, on its way to the store: in memory only, and of each machine only the newest.
import { LRUCache } from 'lru-cache'
import type { Logger } from 'pino'
import type { ConsoleRow, Store } from '../inventory/store/open.ts'
import { recordConsoles } from '../inventory/store/record.ts'

export type Consoles = Readonly<{
  /** Takes a console, or without a tail a sign of life; returns at once. */
  hear: (heard: ConsoleRow) => void
  /** Writes what waits to the store now; what can't be written goes on waiting. */
  flush: () => Promise<void>
  close: () => Promise<void>
}>

const flushMs = 1000
/** While the store is away the oldest consoles are dropped beyond this: they are a help, and no machine waits for them. */
const mostBytes = 64 * 1024 * 1024
const rowsPerBatch = 500

export function openConsoles({ store, log }: Readonly<{ store: Store; log: Logger }>): Consoles {
  const waiting = new LRUCache<string, ConsoleRow>({
    maxSize: mostBytes,
    sizeCalculation: ({ tail }) => 200 + 2 * (tail?.length ?? 0),
  })
  let running: Promise<void> = Promise.resolve()
  const deliver = async (): Promise<void> => {
    try {
      while (waiting.size > 0) {
        const batch = [...waiting.values()].slice(0, rowsPerBatch)
        await recordConsoles(store, batch)
        for (const one of batch) if (waiting.peek(one.machine) === one) waiting.delete(one.machine)
      }
    } catch (error) {
      log.debug({ err: error }, 'consoles wait for the inventory')
    }
  }
  const flush = (): Promise<void> => (running = running.then(deliver))
  const timer = setInterval(() => void flush(), flushMs)
  return {
    hear: ({ machine, at, tail }) =>
      void waiting.set(machine, { machine, at, tail: tail ?? waiting.peek(machine)?.tail ?? null }),
    flush,
    close: async () => {
      clearInterval(timer)
      await flush()
    },
  }
}

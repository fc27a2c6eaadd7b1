// Events on their way into the store. An embedded file is written by a thread of its own: a database's server works
// elsewhere, but this one would keep the doors waiting, at each boot of a machine.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Store } from './open.ts'
import type { NewEvent } from './record.ts'
import { recordEvents } from './record.ts'

export type EventWriter = Readonly<{
  /** All of them or none; not called again before it has settled. @throws when the store can't be written to */
  write: (events: readonly NewEvent[]) => Promise<void>
  close: () => Promise<void>
}>

export function openEventWriter(store: Store): EventWriter {
  return store.file === null
    ? { write: (events) => recordEvents(store, events), close: () => Promise.resolve() }
    : openThread(store.file)
}

function openThread(file: string): EventWriter {
  let thread: Worker | null = null
  return {
    write: async (events) => {
      const writing = (thread ??= startThread(file, () => (thread = null)))
      writing.ref() // it keeps the process alive only while there is something to write
      try {
        const answered = once(writing, 'message') as Promise<[string | null]> // or its error
        writing.postMessage(JSON.stringify(events))
        const [why] = await answered
        if (why !== null) throw new Error(why)
      } catch (cause) {
        throw new Error(`write events to ${file}`, { cause })
      } finally {
        writing.unref()
      }
    },
    close: async () => {
      await thread?.terminate()
    },
  }
}

function startThread(file: string, ended: () => void): Worker {
  const thread = new Worker(new URL('./event-thread.js', import.meta.url), { workerData: file, execArgv: [] })
  // To whoever waits for an answer an end is an error, whether or not it says so itself.
  return thread
    .on('error', ended)
    .once('exit', () => thread.emit('error', new Error('the thread that writes has ended')))
}

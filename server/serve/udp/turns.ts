// The turns of a socket in batches: what waits is received in one system call, and everything that is to be sent in answer
// to it in another.
import { openOutbox, type Inbox, type Outbox } from './batch.ts'
import type { Libc, Polling } from './libc.ts'

export type Turns = Readonly<{
  /** At the end of the batch that is being answered, or of this turn of the event loop. What finds no room twice is lost. */
  send: (...datagram: Parameters<Outbox['add']>) => void
  /** Sends what has been added so far. */
  flush: () => void
  /** Sends what the socket takes, and closes the descriptor. */
  close: () => void
}>

type Options = Readonly<{
  libc: Libc
  fd: number
  /** May be another socket's too: what is in it is dealt with before anything else is received. */
  inbox: Inbox
  take: Parameters<Inbox['receive']>[1]
  how: Parameters<Libc['poll']>[3]
  /** Called after every flush. */
  flushed?: () => void
}>

/** So that other sockets, and timers, have their turn. */
const BATCHES_A_TURN = 4

/** Takes over the descriptor. */
export function openTurns({ libc, fd, inbox, take, how, flushed }: Options): Turns {
  const outbox = openOutbox(libc)
  let polling: Polling | null = libc.poll(fd, 'readable', takeTurn, how)
  let isFull = false
  let isFlushDue = false

  /** While the socket takes no more, nothing is received either: clients wait for us, or ask again. */
  function takeTurn(): void {
    if (isFull) return flush()
    for (let batch = 0; batch < BATCHES_A_TURN; batch++) if (!takeBatch()) return
  }

  /** Returns whether more is waiting that can be answered. */
  function takeBatch(): boolean {
    if (polling === null || isFull) return false
    isFlushDue = true // by the end of this batch
    const isMoreWaiting = inbox.receive(fd, take)
    flush()
    return isMoreWaiting
  }

  function flush(): void {
    isFlushDue = false
    if (polling === null) return
    drain(polling)
    flushed?.()
  }

  function drain({ change }: Polling): void {
    const wasFull = isFull
    isFull = outbox.flush(fd) === 'full'
    if (isFull !== wasFull) change(isFull ? 'writable' : 'readable')
  }

  function flushSoon(): void {
    if (isFlushDue) return
    isFlushDue = true
    setImmediate(flush)
  }

  return {
    send: (sockaddr, head, failed, body) => {
      if (polling === null) return failed('EBADF')
      if (!outbox.add(sockaddr, head, failed, body)) {
        if (!isFull) drain(polling)
        if (!outbox.add(sockaddr, head, failed, body)) failed('ENOBUFS')
      }
      flushSoon()
    },
    flush,
    close: () => {
      if (polling === null) return
      outbox.flush(fd)
      polling.close()
      polling = null
      libc.close(fd)
    },
  }
}

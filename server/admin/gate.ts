// Work that costs much is done one after the other, and not put off without end.

export type Gate = <T>(work: () => Promise<T>) => Promise<T>

/** More wait than can be served in good time. */
export class GateFull extends Error {
  override name = 'GateFull'
}

/** One at a time: hashes must not take the threads that files are read with. @throws GateFull in place of the work */
export function openGate(mostWaiting: number): Gate {
  const queue = { waiting: 0, last: Promise.resolve() }
  return (work) => {
    if (queue.waiting > mostWaiting)
      return Promise.reject(new GateFull('too many wait for their password to be checked'))
    queue.waiting++
    const done = queue.last.then(work).finally(() => {
      queue.waiting--
    })
    queue.last = done.then(
      () => undefined,
      () => undefined,
    )
    return done
  }
}

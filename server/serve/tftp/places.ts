// Who has a place among the running transfers, and who waits for one: a bound in total and for each client.
//
// A request beyond the bounds waits, and is repeated meanwhile, as one that was lost would be: refused at once, a rack that
// is powered on as a whole would lose machines. While somebody waits, a transfer whose client has never answered gives its
// place back after a second: so forged requests can fill the places, but keep nobody out for longer.

/** `waitMs` is how long a request waits for its turn before it is refused. */
export type TftpLimits = Readonly<{ transfers: number; transfersPerClient: number; waiting: number; waitMs: number }>

export type Places<H> = Readonly<{
  /** Calls `begin`, now or later, or `refuse`, now or later, unless the holder leaves before. */
  ask: (holder: H) => void
  /** Gives back a place, or a turn in the queue; without either nothing happens. */
  leave: (holder: H) => void
  /** Those that have a place. */
  taken: () => number
}>

type Holding<H> = Readonly<{
  clientOf: (holder: H) => string
  begin: (holder: H) => void
  refuse: (holder: H) => void
  /** Whether its client never answered, and had the time to. */
  isIdle: (holder: H) => boolean
  /** Ends it, which is to lead to leave(). */
  evict: (holder: H) => void
}>

/** How often the idle are looked for while somebody waits. */
const LOOK_MS = 250

export function openPlaces<H>(limits: TftpLimits, { clientOf, begin, refuse, isIdle, evict }: Holding<H>): Places<H> {
  const taken = new Set<H>()
  const perClient = new Map<string, number>()
  /** In the order in which they came. */
  const queue = new Map<H, NodeJS.Timeout>()
  let looking: NodeJS.Timeout | null = null

  const countOf = (client: string): number => perClient.get(client) ?? 0
  const isFullFor = (client: string): boolean =>
    taken.size >= limits.transfers || countOf(client) >= limits.transfersPerClient

  function take(holder: H): void {
    taken.add(holder)
    const client = clientOf(holder)
    perClient.set(client, countOf(client) + 1)
    begin(holder)
  }

  function wait(holder: H): void {
    const impatience = setTimeout(() => {
      leaveQueue(holder)
      refuse(holder)
    }, limits.waitMs)
    queue.set(holder, impatience)
    looking ??= setTimeout(look, LOOK_MS)
  }

  function leaveQueue(holder: H): void {
    clearTimeout(queue.get(holder))
    queue.delete(holder)
    if (queue.size > 0) return
    clearTimeout(looking ?? undefined)
    looking = null
  }

  function look(): void {
    const clientsWaiting = new Set([...queue.keys()].map(clientOf))
    for (const holder of [...taken]) {
      if (queue.size === 0) return
      const isInTheWay = taken.size >= limits.transfers || clientsWaiting.has(clientOf(holder))
      if (isInTheWay && isIdle(holder)) evict(holder)
    }
    looking = queue.size === 0 ? null : setTimeout(look, LOOK_MS)
  }

  /** The place that was given back goes to who waited longest, of clients that have not had their share. */
  function takeNext(): void {
    for (const holder of queue.keys()) {
      if (isFullFor(clientOf(holder))) continue
      leaveQueue(holder)
      return take(holder)
    }
  }

  return {
    ask: (holder) => {
      if (!isFullFor(clientOf(holder))) take(holder)
      else if (queue.size < limits.waiting) wait(holder)
      else refuse(holder)
    },
    leave: (holder) => {
      if (queue.has(holder)) return leaveQueue(holder)
      if (!taken.delete(holder)) return
      const client = clientOf(holder)
      const left = countOf(client) - 1
      if (left === 0) perClient.delete(client)
      else perClient.set(client, left)
      takeNext()
    },
    taken: () => taken.size,
  }
}

// Which guests are armed with their Dom0s: never one that may hold something, unless somebody asked.
import type { Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { compareNaturally } from '../inventory/natural-order.ts'

/** `new`: those of new Dom0s that are new themselves, what holds when nothing is said. */
export type GuestChoice = 'new' | 'all' | 'none'

export type ToArm = Readonly<{
  /** Named, or asked for with all guests. */
  asked: readonly Machine[]
  /** Guests that nobody named. */
  along: readonly Machine[]
  /** Guests of these Dom0s that stay as they are. */
  left: readonly Machine[]
}>

/** `reported`: machines of which an `installed` was ever reported. */
export function machinesToArm(
  snapshot: Snapshot,
  named: readonly Machine[],
  choice: GuestChoice,
  reported: ReadonlySet<string>,
): ToArm {
  const isNew = ({ hostname }: Machine): boolean => !reported.has(hostname) && !hasUsedToken(snapshot, hostname)
  const unnamed = named.flatMap((dom0) =>
    guestsOf(snapshot, dom0)
      .filter((guest) => !named.includes(guest))
      .map((guest) => ({ guest, isNew: isNew(dom0) && isNew(guest) })),
  )
  const those = (comes: (one: (typeof unnamed)[number]) => boolean): readonly Machine[] =>
    inOrder(unnamed.filter(comes).map(({ guest }) => guest))
  return {
    asked: inOrder([...named, ...those(() => choice === 'all')]),
    along: those((one) => choice === 'new' && one.isNew),
    left: those((one) => choice === 'none' || (choice === 'new' && !one.isNew)),
  }
}

export function guestsOf(snapshot: Snapshot, { hostname }: Machine): readonly Machine[] {
  return inOrder((snapshot.guests.get(hostname) ?? []).flatMap((guest) => snapshot.machines.get(guest) ?? []))
}

function hasUsedToken(snapshot: Snapshot, hostname: string): boolean {
  const tokens = snapshot.tokens.get(hostname) ?? []
  return tokens.some(({ purpose, used_at }) => purpose === 'install' && used_at !== null)
}

const inOrder = (machines: readonly Machine[]): readonly Machine[] =>
  machines.toSorted((a, b) => compareNaturally(a.hostname, b.hostname))

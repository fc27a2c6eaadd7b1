// What two revisions of the inventory tell the machines, and where it differs, said once for all alike.
import type { Snapshot } from '../inventory/snapshot.ts'
import { compareNaturally } from '../inventory/natural-order.ts'
import { readChangesSince } from '../inventory/store/history.ts'
import { firstOf, inSlices } from '../inventory/slices.ts'
import { touchedMachines } from '../inventory/touched.ts'
import type { TouchedRow } from '../inventory/touched.ts'
import type { RenderContext } from '../render/catalogue.ts'
import { groupChanges } from '../render/diff.ts'
import type { Told } from '../render/rendition.ts'
import { ownWords, renditionsOf } from '../render/rendition.ts'
import type { Desk } from './desk.ts'
import { renderContext } from './desk.ts'
import type { Review } from './review.ts'
import type { Past } from './revisions.ts'
import type { Way } from './ways.ts'
import { gatherWays } from './ways.ts'

export const waysBetween = async (desk: Desk, old: Past, now: Past): Promise<readonly Way[]> =>
  (await firstWaysBetween(desk, old, now, Infinity)).ways

/** In natural order; `left`: machines beyond the first `most`, not rendered. */
type FirstWays = Readonly<{ ways: readonly Way[]; left: number }>

export async function firstWaysBetween(desk: Desk, old: Past, now: Past, most: number): Promise<FirstWays> {
  const rows = await readChangesSince(desk.store, Math.min(old.revision, now.revision))
  return inSlices(firstWays(desk, old.snapshot, now.snapshot, { rows, most, clock: now.now }))
}

/** The same of some machines alone. */
export const waysOfMachines = (desk: Desk, old: Past, now: Past, names: readonly string[]): Promise<readonly Way[]> =>
  inSlices(waysOf(desk, old.snapshot, now.snapshot, names, now.now))

/** What machines would be told otherwise if the edits were done. */
export const waysOfReview = (
  desk: Desk,
  before: Snapshot,
  { candidate, diffs }: Review,
  most: number,
): Promise<FirstWays> => inSlices(firstWays(desk, before, candidate, { rows: diffs, most, clock: desk.now() }))

type Asked = Readonly<{ rows: readonly TouchedRow[]; most: number; clock: number }>

function* firstWays(
  desk: Desk,
  old: Snapshot,
  now: Snapshot,
  { rows, most, clock }: Asked,
): Generator<void, FirstWays> {
  const touched = yield* touchedMachines(old, now, rows)
  const first = yield* firstOf(touched, most, compareNaturally)
  const ways = yield* waysOf(desk, old, now, first, clock)
  return { ways, left: touched.size - first.length }
}

/** Templates are today's on both sides: what differs is the inventory's doing. */
function* waysOf(
  desk: Desk,
  old: Snapshot,
  now: Snapshot,
  touched: readonly string[],
  clock: number,
): Generator<void, readonly Way[]> {
  const contextOf = (snapshot: Snapshot): RenderContext => ({
    ...renderContext(desk, snapshot),
    now: clock, // one clock for both, or an armed machine's expired token would look like a change of the inventory
  })
  const before = renditionsOf(contextOf(old), touched)
  const after = renditionsOf(contextOf(now), touched)
  const grouping = groupChanges(ownWords(old, now))
  for (const hostname of touched) {
    yield
    const was = byPath(before(hostname))
    yield
    const is = byPath(after(hostname))
    for (const path of new Set([...was.keys(), ...is.keys()]))
      grouping.add({ path, before: sideOf(was.get(path)), after: sideOf(is.get(path)) })
  }
  return gatherWays(grouping.groups())
}

const byPath = (texts: readonly Told[]): ReadonlyMap<string, Told> => new Map(texts.map((told) => [told.path, told]))

const sideOf = (told: Told | undefined) =>
  told === undefined ? 'absent' : [{ machine: told.machine, text: told.text }]

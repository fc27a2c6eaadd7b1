// A change before it is made, as pages show it: fields before → after, what is told otherwise, and what would be withheld.
import { SelectorError } from '../../inventory/select.ts'
import { atOnce, inSlices } from '../../inventory/slices.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { ViewEditRefused } from '../../inventory/store/mirrored.ts'
import { Outdated } from '../../inventory/store/versions.ts'
import type { Desk } from '../../manage/desk.ts'
import { waysOfReview } from '../../manage/diff.ts'
import { Refused } from '../../manage/failure.ts'
import type { Finding } from '../../inventory/findings.ts'
import { describeFinding } from '../../manage/finding-text.ts'
import { tellingStories } from '../../manage/groups.ts'
import { foldNames } from '../../manage/names.ts'
import type { Review } from '../../manage/review.ts'
import type { ChangeStory } from '../../manage/row-changes.ts'
import { ownerOf, tellingChanges } from '../../manage/row-changes.ts'
import type { Way } from '../../manage/ways.ts'
import type { Visit } from '../route.ts'
import { fieldOf } from '../route.ts'
import { TemplateError } from '../../render/templates.ts'

export type ShownWay = Readonly<{
  folded: string
  count: number
  changes: readonly Readonly<{ path: string; hunks: Way['changes'][number]['hunks'] }>[]
  /** Lines that are not shown. */
  more: number
}>

type ChangeView = Readonly<{
  /** Rows that change, by owner. */
  owners: number
  stories: readonly ChangeStory[]
  moreStories: number
  /** Machines that are told something else. */
  told: number
  ways: readonly ShownWay[]
  moreWays: number
  /** Machines beyond those that were looked at. */
  left: number
  /** At how many one can have it look; 0: at no more than now. */
  looks: number
  /** Why nobody could say what is told. */
  untold: string
  broken: readonly Readonly<{ folded: string; text: string }>[]
  unchanged: number
  seen: string
  revision: number
}>

/** A page is read by a person: beyond so much it is only counted. */
const [mostStories, mostWays, mostLines, mostBroken] = [60, 20, 60, 40]
/** Machines that are rendered as they are and as they would be: a second or two for a thousand. */
const looks = [100, 1000, 5000] as const

/** At how many machines somebody wants to have it look: what was pressed on a review. */
export function lookedAt({ request }: Visit): number {
  const given = Number(fieldOf(request, 'looked'))
  return looks.find((one) => one === given) ?? looks[0]
}

/** @param before the inventory that the review was made of */
export async function changeView(
  desk: Desk,
  before: Snapshot,
  review: Review,
  looked: number = looks[0],
): Promise<ChangeView> {
  const stories = await inSlices(tellingChanges(review.diffs))
  const { ways, left, untold } = await waysToTell(desk, before, review, looked)
  return {
    owners: new Set(review.diffs.map(ownerOf)).size,
    stories: stories.slice(0, mostStories),
    moreStories: Math.max(0, stories.length - mostStories),
    told: ways.reduce((sum, { machines }) => sum + machines.length, 0),
    ways: ways.slice(0, mostWays).map(showWay),
    moreWays: Math.max(0, ways.length - mostWays),
    left,
    looks: left === 0 ? 0 : (looks.find((one) => one > looked) ?? 0),
    untold,
    broken: await inSlices(showingFindings(review.broken)),
    unchanged: review.unchanged.length,
    seen: review.seen,
    revision: before.revision,
  }
}

/** A template that can't be rendered is no reason to show nothing. */
async function waysToTell(desk: Desk, before: Snapshot, review: Review, most: number) {
  try {
    return { ...(await waysOfReview(desk, before, review, most)), untold: '' }
  } catch (error) {
    if (error instanceof TemplateError) return { ways: [], left: 0, untold: error.message }
    throw error
  }
}

export function showWay({ machines, changes }: Way): ShownWay {
  const shown: ShownWay['changes'][number][] = []
  let [room, more] = [mostLines, 0]
  for (const { path, hunks } of changes) {
    const lines = hunks.reduce((sum, hunk) => sum + hunk.length, 0)
    const part = hunks.map((hunk) => hunk.slice(0, Math.max(0, room))).filter((hunk) => hunk.length > 0)
    shown.push({ path, hunks: part })
    more += Math.max(0, lines - Math.max(0, room))
    room -= lines
  }
  return { folded: foldNames(machines), count: machines.length, changes: shown, more }
}

/** What is wrong, said once for all machines it is wrong with. */
export const showFindings = (found: readonly Finding[]): ChangeView['broken'] => atOnce(showingFindings(found))

function* showingFindings(found: readonly Finding[]): Generator<void, ChangeView['broken']> {
  const told = function* () {
    for (const finding of found) yield [finding.machine, describeFinding(finding)] as const
  }
  return (yield* tellingStories(told())).slice(0, mostBroken)
}

/** What can't be done, for the person who asked; any other error is thrown on. */
export function reasonOf(error: unknown): string {
  const isReason =
    error instanceof Refused ||
    error instanceof SelectorError ||
    error instanceof ViewEditRefused ||
    error instanceof TemplateError ||
    error instanceof Outdated
  if (!isReason) throw error
  return `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}`
}

// A change before it is made, as pages show it: fields before → after, what is told otherwise, and what would be withheld.
import { SelectorError } from '../../inventory/select.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { ViewEditRefused } from '../../inventory/store/mirrored.ts'
import { Outdated } from '../../inventory/store/versions.ts'
import type { Desk } from '../../manage/desk.ts'
import { fingerprintOf } from '../../manage/decided.ts'
import { waysOfReview } from '../../manage/diff.ts'
import { Refused } from '../../manage/failure.ts'
import type { Finding } from '../../inventory/findings.ts'
import { describeFinding } from '../../manage/finding-text.ts'
import { storiesOf } from '../../manage/groups.ts'
import { foldNames } from '../../manage/names.ts'
import type { Review } from '../../manage/review.ts'
import type { ChangeStory } from '../../manage/row-changes.ts'
import { changeStories, ownerOf } from '../../manage/row-changes.ts'
import type { Way } from '../../manage/ways.ts'
import { TemplateError } from '../../render/templates.ts'

export type ShownWay = Readonly<{
  folded: string
  count: number
  changes: readonly Readonly<{ path: string; hunks: Way['changes'][number]['hunks'] }>[]
  /** Lines that are not shown. */
  more: number
}>

export type ChangeView = Readonly<{
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
  /** Why nobody could say what is told. */
  untold: string
  broken: readonly Readonly<{ folded: string; text: string }>[]
  unchanged: number
  seen: string
  revision: number
}>

/** A page is read by a person: beyond so much it is only counted. */
const [mostStories, mostWays, mostLines, mostRendered] = [60, 20, 60, 500]

/** @param before the inventory that the review was made of */
export function changeView(desk: Desk, before: Snapshot, review: Review): ChangeView {
  const stories = changeStories(review.diffs)
  const { ways, left, untold } = waysToTell(desk, before, review)
  return {
    owners: new Set(review.diffs.map(ownerOf)).size,
    stories: stories.slice(0, mostStories),
    moreStories: Math.max(0, stories.length - mostStories),
    told: ways.reduce((sum, { machines }) => sum + machines.length, 0),
    ways: ways.slice(0, mostWays).map(showWay),
    moreWays: Math.max(0, ways.length - mostWays),
    left,
    untold,
    broken: showFindings(review.broken),
    unchanged: review.unchanged.length,
    seen: fingerprintOf(review.diffs),
    revision: before.revision,
  }
}

/** A template that can't be rendered is no reason to show nothing. */
function waysToTell(desk: Desk, before: Snapshot, review: Review) {
  try {
    return { ...waysOfReview(desk, before, review, mostRendered), untold: '' }
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
export const showFindings = (found: readonly Finding[]): ChangeView['broken'] =>
  storiesOf(found.map((finding) => [finding.machine, describeFinding(finding)] as const)).slice(0, 40)

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

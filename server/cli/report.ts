// Findings and differences in the words in which every command prints them.
import type { Finding } from '../inventory/findings.ts'
import { fail } from './failure.ts'
import { describeFinding } from '../manage/finding-text.ts'
import { storiesOf } from '../manage/groups.ts'
import type { ChangeStory, RowChanges } from '../manage/row-changes.ts'
import type { Session } from './session.ts'
import { count } from './table.ts'

/** How many lines of a refused change are shown; `--force` and `bootstead check` show them all. */
const shownLines = 40

/** One line for each thing that is wrong, with the machines it is wrong with. */
function findingLines(found: readonly Finding[]): readonly string[] {
  const stories = storiesOf(found.map((finding) => [finding.machine, describeFinding(finding)] as const))
  const lines = stories.map(({ folded, text }) => `  ${folded}: ${text}`)
  return lines.length <= shownLines
    ? lines
    : [...lines.slice(0, shownLines), `  … and ${lines.length - shownLines} more`]
}

/** @throws Refused with the machines, served today, that the change would withhold */
export function refuseWithheld(found: readonly Finding[]): never {
  const machines = new Set(found.map(({ machine }) => machine))
  const withheld =
    machines.size === 1 ? 'a machine would be withheld' : `${count(machines.size, 'machine')} would be withheld`
  fail(`nothing was changed: ${withheld} (--force does it all the same)`, ...findingLines(found))
}

/** What a change that was not refused has done, or would do. */
export function noteWithheld(session: Session, found: readonly Finding[], dryRun: boolean): void {
  if (found.length === 0) return
  session.note(dryRun ? 'would be withheld, and refused without --force:' : 'withheld from now on:')
  for (const line of findingLines(found)) session.note(line)
}

/** Differences as `field: before → after` lines under the machines or rows they concern, equal ones together. */
export function describeStories(stories: readonly ChangeStory[]): string {
  return stories
    .map(({ names, folded, changes }) =>
      [
        `${folded}${names.length > 1 ? ` (${names.length})` : ''}`,
        ...changes.flatMap(describeChanges).map((line) => `  ${line}`),
      ].join('\n'),
    )
    .join('\n')
}

function describeChanges({ part, kind, fields }: RowChanges): readonly string[] {
  const prefix = part === '' ? '' : `${part}: `
  if (kind === 'removed') return [`${prefix}removed`]
  if (kind === 'added') return [`${prefix}added${fields.map(([column, , value]) => ` ${column}=${value}`).join('')}`]
  return fields.map(([field, before, after]) => `${part === '' ? '' : `${part}.`}${field}: ${before} → ${after}`)
}

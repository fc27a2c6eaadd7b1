// Differences of many machines in the words in which every command prints them.
import { foldNames } from '../manage/names.ts'
import type { Way } from '../manage/ways.ts'

/** Paragraphs with an empty line between them. */
export function describeWays(ways: readonly Way[]): string {
  return ways.map(describeWay).join('\n\n')
}

function describeWay({ machines, changes }: Way): string {
  const body = changes.flatMap(({ path, hunks }) => [
    `  ${path}`,
    ...hunks.flatMap((hunk, index) => [...(index === 0 ? [] : ['    …']), ...hunk.map((line) => `    ${line}`)]),
  ])
  return [headOf(machines), ...body].join('\n')
}

function headOf(machines: readonly string[]): string {
  if (machines.length === 0) return 'lines of no machine'
  return `${foldNames(machines)}${machines.length > 1 ? ` (${machines.length})` : ''}`
}

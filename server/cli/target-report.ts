// What became of each target, in lines for people and in values for programs.
import { checkers } from '../render/daemons/check.ts'
import type { LeftOut } from '../render/files.ts'
import type { TargetName } from '../render/targets.ts'
import type { Blamed } from '../serve/disk/check.ts'
import type { Publication } from '../serve/disk/publish.ts'
import type { Reload } from '../serve/disk/reload.ts'
import { storiesOf } from '../manage/groups.ts'
import { foldNames } from '../manage/names.ts'
import type { Outcome, Published } from '../manage/outcomes.ts'
import type { ChosenTarget } from '../manage/targets.ts'
import { count } from './table.ts'

type Changes = Readonly<{ written: number; removed: number }>

const isChanging = ({ written, removed }: Changes): boolean => written + removed > 0

const changeText = ({ written, removed }: Changes): string =>
  `${count(written, 'file')} written, ${removed.toLocaleString('en')} removed`

/** One line for each outcome, aligned with those of the other targets. */
export function outcomeLines(chosen: readonly ChosenTarget[]): (outcome: Outcome) => string {
  const widest = (words: readonly string[]): number => Math.max(...words.map((word) => word.length))
  const widths = [
    widest(chosen.map(({ target }) => target)),
    widest(chosen.map(({ place }) => place.folder)),
    13,
    26,
    16,
  ]
  return (outcome) =>
    [outcome.target, outcome.place.folder, ...cellsOf(outcome)]
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
}

function cellsOf(outcome: Outcome): readonly string[] {
  switch (outcome.kind) {
    case 'failed':
      return ['failed']
    case 'compared':
      return isChanging(outcome)
        ? [
            'would change',
            `${count(outcome.written, 'file')} to write, ${outcome.removed.toLocaleString('en')} to remove`,
          ]
        : ['unchanged', count(outcome.files, 'file')]
    case 'generated':
    case 'rolled back':
      return [...publicationCells(outcome), ...reloadCells(outcome)]
    default:
      return outcome satisfies never
  }
}

/** Generation, files, checker. */
function publicationCells({ target, place, publication }: Published): readonly string[] {
  switch (publication.kind) {
    case 'unchanged':
      return ['unchanged', count(publication.files, 'file'), '']
    case 'published':
      return [
        `generation ${publication.generation}`,
        changeText(publication),
        place.check ? checkerOf(target) : 'not checked',
      ]
    case 'refused':
      return ['refused', 'nothing published', checkerOf(target)]
    default:
      return publication satisfies never
  }
}

/** The program that decides before anything is published. */
const checkerOf = (target: TargetName): string =>
  target === 'tftpboot' ? 'grub-script-check' : checkers[target].argv.slice(0, 2).join(' ')

const reloadCells = ({ reload }: Published): readonly string[] => (reload.kind === 'ran' ? [reload.how] : [])

/** What else is to be known. */
export function detailLines(outcome: Outcome): readonly string[] {
  const lines = outcome.kind === 'failed' ? [] : [...foundLines(outcome), ...leftOutLines(outcome)]
  return lines.map((line) => `${outcome.target}: ${line}`)
}

type Looked = Exclude<Outcome, { kind: 'failed' }>

const toldOf = (outcome: Looked) => (outcome.kind === 'compared' ? outcome : outcome.publication)

function foundLines(outcome: Looked): readonly string[] {
  const { conflicts, resumed } = toldOf(outcome)
  return [
    ...(resumed ? ['a publication that had been interrupted was finished first'] : []),
    ...shortened(conflicts.map(({ message }) => message)),
    ...(outcome.kind === 'compared' ? [] : [...checkLines(outcome.publication), ...failedReloadLines(outcome.reload)]),
  ]
}

/** How many lines of one kind are shown. */
const shownLines = 40

const shortened = (lines: readonly string[]): readonly string[] =>
  lines.length <= shownLines
    ? lines
    : [...lines.slice(0, shownLines), `… and ${lines.length - shownLines} more; --json has them all`]

function checkLines(publication: Publication): readonly string[] {
  switch (publication.kind) {
    case 'unchanged':
      return []
    case 'published':
      return publication.note === null ? [] : [publication.note]
    case 'refused':
      return [...shortened(blamedLines(publication.blamed)), ...quoted(publication.output)]
    default:
      return publication satisfies never
  }
}

/** Lines that are nobody's are those that include the machine's. */
const blamedLines = (blamed: readonly Blamed[]): readonly string[] =>
  blamed.flatMap(({ machine, complaint }) => (machine === null ? [] : [`${machine}: ${complaint}`]))

const failedReloadLines = (reload: Reload): readonly string[] =>
  reload.kind === 'ran' && !reload.ok ? quoted(reload.output) : []

/** What a program said: of much the end. */
const quoted = (output: string): readonly string[] =>
  output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-shownLines)
    .map((line) => `| ${line}`)

/** A reason that names its machine is the same for another: of several HOSTNAME stands for each. */
function leftOutLines(outcome: Looked): readonly string[] {
  const leftOut: readonly LeftOut[] = outcome.kind === 'rolled back' ? [] : outcome.leftOut
  const stories = storiesOf(
    leftOut.map(({ machine, why }) => [machine ?? '', machine === null ? why : withoutName(why, machine)] as const),
  )
  return shortened(
    stories.map(
      ({ names, folded, text }) => `left out: ${folded === '' ? '' : `${folded}: `}${toldOfOne(names, text)}`,
    ),
  )
}

const toldOfOne = (names: readonly string[], text: string): string =>
  names.length === 1 ? text.replaceAll('HOSTNAME', names[0] ?? '') : text

const withoutName = (why: string, machine: string): string =>
  why.replaceAll(new RegExp(`(?<![\\w-])${machine.replaceAll('.', '\\.')}(?![\\w-])`, 'g'), 'HOSTNAME')

/** What went wrong, in one sentence each. */
export function troublesOf(outcome: Outcome): readonly string[] {
  const sentences = outcome.kind === 'failed' ? [outcome.why] : troubles(outcome)
  return sentences.map((sentence) => `${outcome.target}: ${sentence}`)
}

function troubles(outcome: Looked): readonly string[] {
  const { conflicts } = toldOf(outcome)
  const leftAlone = conflicts.length === 0 ? [] : [`${count(conflicts.length, 'file')} left alone`]
  if (outcome.kind === 'compared')
    return [...(isChanging(outcome) ? ['not as the inventory has it'] : []), ...leftAlone]
  const { target, publication, reload } = outcome
  const refused = publication.kind === 'refused' ? [refusal(checkerOf(target), publication.blamed)] : []
  const untold =
    reload.kind === 'ran' && !reload.ok
      ? [`the files are published, and their daemon was not told: ${reload.how}; the same command tries again`]
      : []
  return [...refused, ...leftAlone, ...untold]
}

function refusal(checker: string, blamed: readonly Blamed[]): string {
  const machines = foldNames(blamed.flatMap(({ machine }) => machine ?? []))
  const why = machines === '' ? '' : `, because of ${machines}`
  return `${checker} refuses the new configuration${why}; nothing was published, what was before stays in force`
}

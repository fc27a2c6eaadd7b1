// What became of a target, or would become of it, as pages show it.
import { storiesOf } from '../../manage/groups.ts'
import { foldNames } from '../../manage/names.ts'
import type { Outcome } from '../../manage/outcomes.ts'
import type { LeftOut } from '../../render/files.ts'
import type { Publication } from '../../serve/disk/publish.ts'
import type { Reload } from '../../serve/disk/reload.ts'
import type { ShownWay } from './change-view.ts'
import { showWay } from './change-view.ts'

export type OutcomeView = Readonly<{
  tone: 'good' | 'bad' | 'calm'
  /** What it is, in a sentence. */
  head: string
  /** What else is to be known. */
  notes: readonly string[]
  /** What the checker holds against whom. */
  blamed: readonly Readonly<{ machine: string; place: string; complaint: string }>[]
  /** What a program said; '' when it said nothing that matters. */
  output: string
  /** Files that are somebody else's, which are left alone unless they are ticked. */
  conflicts: readonly Readonly<{ path: string; message: string }>[]
  moreConflicts: number
  leftOut: readonly Readonly<{ folded: string; text: string }>[]
  ways: readonly ShownWay[]
  moreWays: number
  /** Machines that are told something else. */
  told: number
  isChanging: boolean
}>

/** A page is read by a person: beyond so much it is only counted. */
const [mostWays, mostConflicts, mostBlamed, mostLeftOut] = [20, 100, 100, 40]

const nothing = {
  ...{ notes: [], blamed: [], output: '', conflicts: [], moreConflicts: 0, leftOut: [] },
  ...{ ways: [], moreWays: 0, told: 0, isChanging: false },
} as const satisfies Omit<OutcomeView, 'tone' | 'head'>

const files = (count: number): string => `${count.toLocaleString('en')} ${count === 1 ? 'file' : 'files'}`

export function outcomeView(outcome: Outcome): OutcomeView {
  switch (outcome.kind) {
    case 'failed':
      return { ...nothing, tone: 'bad', head: `It failed: ${outcome.why}` }
    case 'compared': {
      const { written, removed, ways } = outcome
      const isChanging = written + removed > 0
      const told = (ways ?? []).reduce((sum, { machines }) => sum + machines.length, 0)
      return {
        ...nothing,
        ...foundIn(outcome),
        tone: 'calm',
        head: isChanging
          ? `${files(written)} would be written, ${removed.toLocaleString('en')} removed.`
          : `All ${files(outcome.files)} are as the inventory has it.`,
        leftOut: leftOutOf(outcome.leftOut),
        ways: (ways ?? []).slice(0, mostWays).map(showWay),
        moreWays: Math.max(0, (ways ?? []).length - mostWays),
        ...{ told, isChanging },
      }
    }
    case 'generated':
    case 'rolled back': {
      const { publication, reload } = outcome
      const published = publicationView(publication)
      const told = reloadView(reload)
      return {
        ...nothing,
        ...foundIn(publication),
        ...published,
        tone: published.tone === 'good' && told.isBad ? 'bad' : published.tone,
        notes: [...foundIn(publication).notes, ...published.notes, ...told.notes],
        output: published.output === '' ? told.output : published.output,
        leftOut: outcome.kind === 'generated' ? leftOutOf(outcome.leftOut) : [],
      }
    }
    default:
      return outcome satisfies never
  }
}

function foundIn({ conflicts, resumed }: Pick<Publication, 'conflicts' | 'resumed'>) {
  return {
    notes: resumed ? ['A publication that had been interrupted was finished first.'] : [],
    conflicts: conflicts.slice(0, mostConflicts).map(({ path, message }) => ({ path, message })),
    moreConflicts: Math.max(0, conflicts.length - mostConflicts),
  }
}

function publicationView(publication: Publication): Pick<OutcomeView, 'tone' | 'head' | 'notes' | 'blamed' | 'output'> {
  switch (publication.kind) {
    case 'unchanged':
      return {
        ...{ tone: 'good', notes: [], blamed: [], output: '' },
        head: `Nothing was to be done: all ${files(publication.files)} are as they should be.`,
      }
    case 'published': {
      const { generation, written, removed, note } = publication
      const head = `Generation ${generation} is published: ${files(written)} written, ${removed.toLocaleString('en')} removed.`
      return { tone: 'good', head, notes: note === null ? [] : [note], blamed: [], output: '' }
    }
    case 'refused': {
      const { blamed, output } = publication
      const machines = foldNames(blamed.flatMap(({ machine }) => machine ?? []))
      return {
        tone: 'bad',
        head: `The checker refuses it${machines === '' ? '' : `, because of ${machines}`}. Nothing was published; what was before stays in force.`,
        notes: [],
        blamed: blamed.slice(0, mostBlamed).map(({ machine, path, line, complaint }) => ({
          machine: machine ?? '',
          place: path === null ? '' : `${path}${line === null ? '' : `:${line}`}`,
          complaint,
        })),
        output,
      }
    }
    default:
      return publication satisfies never
  }
}

function reloadView(reload: Reload): Readonly<{ notes: readonly string[]; output: string; isBad: boolean }> {
  switch (reload.kind) {
    case 'not owed':
      return { notes: [], output: '', isBad: false }
    case 'nothing to tell':
      return { notes: ['The daemon reads these files without being told.'], output: '', isBad: false }
    case 'ran':
      return reload.ok
        ? { notes: [`The daemon was told: ${reload.how}.`], output: '', isBad: false }
        : {
            notes: [
              `The files are published, and their daemon was not told: ${reload.how}. Generating once more tries again.`,
            ],
            output: reload.output,
            isBad: true,
          }
    default:
      return reload satisfies never
  }
}

const leftOutOf = (leftOut: readonly LeftOut[]): OutcomeView['leftOut'] =>
  storiesOf(leftOut.map(({ machine, why }) => [machine ?? '', why] as const)).slice(0, mostLeftOut)

// Finding machines: words as they are typed, and filters; of a hundred thousand as quickly as of ten.
import { profileChain } from '../inventory/profiles.ts'
import { namingMachines, SelectorError } from '../inventory/select.ts'
import { inSlices } from '../inventory/slices.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Desk } from './desk.ts'
import type { FarmEntry, FarmIndex } from './farm-index.ts'
import { farmIndex } from './farm-index.ts'
import type { SortField } from './order.ts'
import { entriesSortedBy } from './order.ts'
import { bootStates } from './state-index.ts'

/** An empty text filters nothing. */
export type MachineFilter = Readonly<{
  /**
   * Words that all hold: parts of a host name, address, MAC, profile or Dom0; or the command line's selectors: ranges,
   * patterns, `field=value`.
   */
  text: string
  /** The machine's, or one that it inherits from. */
  profile: string
  boot: string
  /** `withheld`, or a boot state; `unknown` was never heard of. */
  state: string
  dom0: string
}>

export type Found = Readonly<{
  /** In order; those whose rows can't be read come last. */
  names: readonly string[]
  index: FarmIndex
  /** Why nothing is found: a selector that can't be understood, or that names nobody. */
  fault: string | null
}>

export async function findMachines(
  desk: Desk,
  snapshot: Snapshot,
  filter: MachineFilter,
  { field, isReversed }: Readonly<{ field: SortField; isReversed: boolean }> = { field: 'hostname', isReversed: false },
): Promise<Found> {
  const index = await farmIndex(snapshot, desk.known)
  try {
    const tests = await testsOf(desk, snapshot, index, filter)
    const sorted = await inSlices(entriesSortedBy(index, field))
    const found = tests.length === 0 ? sorted : await inSlices(passing(sorted, tests))
    const names = found.map(({ machine }) => machine.hostname)
    if (isReversed) names.reverse()
    for (const name of unreadableFound(index, filter)) names.push(name)
    return { names, index, fault: null }
  } catch (error) {
    if (error instanceof SelectorError) return { names: [], index, fault: error.message }
    throw error
  }
}

/** Of a row that can't be read only the name is known, and that it is withheld. */
function unreadableFound({ unreadable }: FarmIndex, { text, profile, boot, state, dom0 }: MachineFilter) {
  if (profile !== '' || boot !== '' || dom0 !== '' || (state !== '' && state !== 'withheld')) return []
  return unreadable.filter((name) => wordsIn(text).every((word) => name.toLowerCase().includes(word.toLowerCase())))
}

type Test = (entry: FarmEntry) => boolean

const lookedAtPerStep = 1000

function* passing(entries: readonly FarmEntry[], tests: readonly Test[]): Generator<void, readonly FarmEntry[]> {
  const found: FarmEntry[] = []
  let looked = 0
  for (const entry of entries) {
    if (tests.every((holds) => holds(entry))) found.push(entry)
    if (++looked % lookedAtPerStep === 0) yield
  }
  return found
}

async function testsOf(
  desk: Desk,
  snapshot: Snapshot,
  index: FarmIndex,
  { text, profile, boot, state, dom0 }: MachineFilter,
): Promise<readonly Test[]> {
  const words = wordsIn(text)
  const selectors = words.filter(isSelector)
  const parts = words.filter((word) => !isSelector(word)).map((word) => word.toLowerCase())
  const named = selectors.length === 0 ? null : await inSlices(namingMachines(snapshot, selectors, index.entries))
  const tests: Test[] = []
  if (boot !== '') tests.push(({ machine }) => machine.boot === boot)
  if (dom0 !== '') tests.push(({ machine }) => machine.dom0 === dom0.toLowerCase())
  if (profile !== '') tests.push(inheriting(snapshot, profile))
  if (named !== null) tests.push(({ machine }) => named.has(machine))
  for (const part of parts) tests.push((entry) => entry.words.includes(part))
  if (state === 'withheld') tests.push(({ machine }) => index.withheld.has(machine.hostname))
  else if (state !== '') {
    const states = await bootStates(desk, snapshot)
    tests.push(({ machine }) => (states.get(machine.hostname)?.state ?? 'unknown') === state)
  }
  return tests
}

const wordsIn = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '')

/** `acas[0001-0040]`, `acas*`, `a,b`, `profile=web`; anything else is a part of something. */
const isSelector = (word: string): boolean => /[=*?[\],]/.test(word)

function inheriting(snapshot: Snapshot, wanted: string): Test {
  const known = new Map<string, boolean>()
  return ({ machine: { profile } }) => {
    const holds =
      known.get(profile) ??
      (profile === wanted || profileChain(snapshot, profile).profiles.some(({ name }) => name === wanted))
    known.set(profile, holds)
    return holds
  }
}

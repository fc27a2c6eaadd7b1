// What changes, grouped: the same change of many machines is one change with a list of machines.
import { diffArrays } from 'diff'
import { LRUCache } from 'lru-cache'
import type { Section } from './files.ts'

/** A file on one side of a change: not there, without lines (a loader), or its sections. */
export type Side = 'absent' | 'bytes' | readonly Section[]
export type FileChange = Readonly<{ path: string; before: Side; after: Side }>

/** Words that are a machine's own, and what stands for them: `['00:00:5e:00:53:01', 'MAC']`, `['acas0001', 'HOSTNAME']`. */
export type OwnWords = (machine: string) => readonly (readonly [word: string, placeholder: string])[]

export type ChangeGroup = Readonly<{
  /** With placeholders where it is made of a machine's words. */
  path: string
  /** Runs of lines that belong together, each line with its `-` or `+`. Empty: a file without lines changes. */
  hunks: readonly (readonly string[])[]
  /** Whose lines they are, as they came; empty when they are nobody's. */
  machines: readonly string[]
  /** How many files have this change. */
  files: number
}>

type Grouping = Readonly<{
  add: (change: FileChange) => void
  /** In the order in which they were first seen. */
  groups: () => readonly ChangeGroup[]
}>

type OpenGroup = { path: string; hunks: ChangeGroup['hunks']; machines: Set<string>; files: number }

/** Linear in what changes: lines are compared once for each different change, however many machines have it. */
export function groupChanges(wordsOf: OwnWords): Grouping {
  const groups = new Map<string, OpenGroup>()
  /** Text before and after, with placeholders, to the hunks between them. */
  const compared = new LRUCache<string, ChangeGroup['hunks']>({ max: 1000 })
  const hunksOf = (before: string, after: string): ChangeGroup['hunks'] => {
    const key = `${before}\0${after}`
    const known = compared.get(key)
    if (known !== undefined) return known
    const hunks = compareLines(before, after)
    compared.set(key, hunks)
    return hunks
  }
  const put = (path: string, hunks: ChangeGroup['hunks'], machine: string | null): void => {
    const key = JSON.stringify([path, machine === null, hunks])
    const group = groups.get(key) ?? { path, hunks, machines: new Set(), files: 0 }
    groups.set(key, group)
    if (machine !== null) group.machines.add(machine)
    group.files++
  }
  return {
    add: ({ path, before, after }) => {
      if (before === 'bytes' || after === 'bytes') return put(path, [], null)
      const old = textByMachine(before)
      const now = textByMachine(after)
      for (const machine of new Set([...old.keys(), ...now.keys()])) {
        const [was = '', is = ''] = [old.get(machine), now.get(machine)]
        if (was === is) continue
        const generalise = machine === null ? (text: string) => text : replacing(wordsOf(machine))
        put(generalise(path), hunksOf(generalise(was), generalise(is)), machine)
      }
    },
    groups: () => [...groups.values()].map((group) => ({ ...group, machines: [...group.machines] })),
  }
}

/** All lines of one machine in a file; null is nobody's. */
function textByMachine(side: 'absent' | readonly Section[]): ReadonlyMap<string | null, string> {
  const texts = new Map<string | null, string[]>()
  for (const { machine, text } of side === 'absent' ? [] : side) {
    const known = texts.get(machine)
    if (known === undefined) texts.set(machine, [text])
    else known.push(text)
  }
  return new Map([...texts].map(([machine, parts]) => [machine, parts.join('')]))
}

/** Whole words only, or 192.0.2.1 would be found in 192.0.2.10; longer ones first, or a name would hide its FQDN. */
function replacing(words: readonly (readonly [string, string])[]): (text: string) => string {
  const placeholders = new Map(words.filter(([word]) => word !== ''))
  if (placeholders.size === 0) return (text) => text
  const alternatives = [...placeholders.keys()].toSorted((a, b) => b.length - a.length).map(escaped)
  const pattern = new RegExp(`(?<![A-Za-z0-9])(?:${alternatives.join('|')})(?![A-Za-z0-9])`, 'g')
  return (text) => text.replaceAll(pattern, (word) => placeholders.get(word) ?? word)
}

const escaped = (word: string): string => word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Beyond this many changed lines no smallest difference is looked for, which takes their square: all go, all come. */
const maxEditLength = 1000

function compareLines(before: string, after: string): ChangeGroup['hunks'] {
  const [old, now] = [linesOf(before), linesOf(after)]
  const parts = old.length * now.length === 0 ? undefined : diffArrays(old, now, { maxEditLength })
  if (parts === undefined) return [[...old.map((line) => `-${line}`), ...now.map((line) => `+${line}`)]]
  const hunks: string[][] = []
  let open: string[] | null = null
  for (const { value, added, removed } of parts) {
    if (!added && !removed) open = null
    else {
      if (open === null) hunks.push((open = []))
      for (const line of value) open.push(`${added ? '+' : '-'}${line}`)
    }
  }
  return hunks
}

const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))

// What the table of machines can show of each.
import type { BootState } from '../../plan/states.ts'
import type { FarmEntry } from '../../manage/farm-index.ts'
import type { SortField } from '../../manage/order.ts'
import { effectiveMac } from '../../plan/interfaces.ts'

type Column = Readonly<{
  label: string
  /** Digits stand under digits. */
  isNumber?: boolean
  /** Host names lead to their machines. */
  isMachine?: boolean
  sort?: SortField
  show: (entry: FarmEntry) => readonly (string | number | null)[]
}>

/** Beside the host name and the state, which are always there. */
const columns = {
  boot: { label: 'Next boot', sort: 'boot', show: ({ machine }) => [machine.boot] },
  profile: { label: 'Profile', sort: 'profile', show: ({ machine }) => [machine.profile] },
  dom0: { label: 'Dom0', sort: 'dom0', isMachine: true, show: ({ machine }) => [machine.dom0] },
  ip: { label: 'Address', isNumber: true, show: ({ nics }) => nics.map(({ ip }) => ip) },
  mac: { label: 'MAC', isNumber: true, show: ({ machine, nics }) => nics.map((nic) => effectiveMac(machine, nic)) },
  network: { label: 'Network', show: ({ nics }) => nics.map(({ network }) => network) },
  memory_mib: { label: 'MiB', isNumber: true, sort: 'memory_mib', show: ({ machine }) => [machine.memory_mib] },
  vcpus: { label: 'CPUs', isNumber: true, sort: 'vcpus', show: ({ machine }) => [machine.vcpus] },
  cpus: { label: 'Pinned to', isNumber: true, show: ({ machine }) => [machine.cpus] },
  disk: { label: 'Disk', show: ({ machine }) => [machine.disk] },
  vdisk: { label: 'Virtual disks', show: ({ machine }) => [machine.vdisk] },
  arch: { label: 'Architecture', show: ({ machine }) => [machine.arch] },
  domain: { label: 'Domain', show: ({ machine }) => [machine.domain] },
  ip6: { label: 'IPv6', show: ({ nics }) => nics.map(({ ip6 }) => ip6) },
  uuid: { label: 'UUID', show: ({ machine }) => [machine.uuid] },
  notes: { label: 'Notes', show: ({ machine }) => [machine.notes === null ? null : firstLine(machine.notes)] },
} as const satisfies Readonly<Record<string, Column>>

export type ColumnName = keyof typeof columns
export const columnNames = Object.keys(columns) as readonly ColumnName[]
export const usualColumns: readonly ColumnName[] = ['boot', 'profile', 'dom0', 'ip', 'mac']

export const columnOf = (name: ColumnName): Column => columns[name]

const firstLine = (text: string): string => {
  const [line = ''] = text.split('\n')
  return line.length < text.length || line.length > 60 ? `${line.slice(0, 60)}…` : line
}

/** Values of a cell, those that are not given left out. */
export const cellOf = (name: ColumnName, entry: FarmEntry): readonly string[] =>
  columnOf(name)
    .show(entry)
    .flatMap((value) => (value === null ? [] : [String(value)]))

/** A state as word, shape and colour. */
export type Mark = Readonly<{ word: string; tone: 'good' | 'busy' | 'bad' | 'calm'; note: string }>

export function markOf(state: BootState | undefined, isWithheld: boolean): Mark {
  if (isWithheld) return { word: 'withheld', tone: 'bad', note: '' }
  if (state === undefined || state.state === 'unknown') return { word: '–', tone: 'calm', note: 'never heard of' }
  const tone = ({ none: 'calm', on: 'busy', done: 'good', lost: 'bad' } as const)[state.phase]
  const progress = state.phase === 'on' && state.progress !== null ? ` ${state.progress} %` : ''
  return { word: `${state.state}${progress}`, tone, note: state.detail ?? '' }
}

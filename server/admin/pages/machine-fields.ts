// Fields of forms about machines: what they are called, what may stand in them, and what is said beside them.
import type { Request } from 'express'
import type { Assignment } from '../../manage/assignments.ts'
import { jsonOrText } from '../../manage/assignments.ts'
import type { Problem } from '../../manage/failure.ts'
import { architectures } from '../../inventory/rows.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { compareNaturally } from '../../inventory/natural-order.ts'
import { fieldOf } from '../route.ts'

export type Option = Readonly<{ value: string; label: string }>
export type FormField = Readonly<{
  name: string
  label: string
  kind: 'text' | 'number' | 'lines' | 'choice'
  options: readonly Option[]
  value: string
  hint: string
  /** Why what was given can't be. */
  fault: string
}>

type Declared = Readonly<{ column: string; label: string; kind?: FormField['kind']; hint?: string; isOwn?: boolean }>

/** In the order of the form. `isOwn`: no two machines have the same. */
const machineColumns: readonly Declared[] = [
  { column: 'profile', label: 'Profile', kind: 'choice' },
  { column: 'disk', label: 'Disk', hint: 'what an install may erase: sda, nvme0n1' },
  { column: 'memory_mib', label: 'Memory (MiB)', kind: 'number' },
  { column: 'vcpus', label: 'CPUs', kind: 'number' },
  { column: 'arch', label: 'Architecture', kind: 'choice' },
  { column: 'dom0', label: 'Dom0', hint: 'of a guest: the machine it runs on' },
  { column: 'vdisk', label: 'Virtual disks', hint: 'of a guest: devices of its Dom0, /dev/sda5 or /dev/vg0/web' },
  { column: 'cpus', label: 'Pinned to CPUs', hint: 'of a guest: 2-3 or 0,4-5' },
  { column: 'domain', label: 'Domain', hint: 'else that of its network' },
  { column: 'serial_console', label: 'Serial console', hint: 'ttyS0,115200n8' },
  { column: 'uuid', label: 'UUID', hint: 'of its firmware', isOwn: true },
  { column: 'notes', label: 'Notes', kind: 'lines' },
]

/** @param isMany for several machines at once: what is each one's own is not in it, and empty leaves what is there */
export function machineFields(
  snapshot: Snapshot,
  values: Readonly<Record<string, string>>,
  faults: Readonly<Record<string, string>>,
  isMany: boolean,
): readonly FormField[] {
  return machineColumns
    .filter(({ isOwn = false }) => !(isMany && isOwn))
    .map(({ column, label, kind = 'text', hint = '' }) => {
      const name = `set.${column}`
      const options = kind === 'choice' ? withStray(optionsFor(snapshot, column, isMany), values[name] ?? '') : []
      return { name, label, kind, options, value: values[name] ?? '', hint, fault: faults[name] ?? '' }
    })
}

/** What stands in the row is among them, be it what it may, or the form would change it unasked. */
export const withStray = (options: readonly Option[], value: string): readonly Option[] =>
  options.some((option) => option.value === value) ? options : [...options, { value, label: value }]

function optionsFor(snapshot: Snapshot, column: string, isMany: boolean): readonly Option[] {
  const names = column === 'profile' ? [...snapshot.profiles.keys()].sort(compareNaturally) : architectures
  const nothing = isMany ? '(as it is)' : column === 'profile' ? '(choose one)' : "(the profile's)"
  return [{ value: '', label: nothing }, ...names.map((name) => ({ value: name, label: name }))]
}

export const machineColumnNames: readonly string[] = machineColumns.map(({ column }) => column)

type InterfaceColumn = Readonly<{ column: string; label: string; hint: string }>
export const interfaceColumns: readonly InterfaceColumn[] = [
  { column: 'mac', label: 'MAC', hint: '00:00:5e:00:53:01' },
  { column: 'ip', label: 'Address', hint: '192.0.2.10' },
  { column: 'network', label: 'Network', hint: '' },
  { column: 'ip6', label: 'IPv6 address', hint: '2001:db8::10' },
  { column: 'bridge', label: 'Bridge', hint: 'xenbr0' },
  { column: 'vlan', label: 'VLAN', hint: '' },
]

/** Texts of a form by their names; what is there twice, or no text, is as if it were not there. */
export function textsOf(request: Request): Readonly<Record<string, string>> {
  const names = Object.keys((request.body ?? {}) as object).filter((name) =>
    /^(set|clear|param|nic)\.[\w.-]+$/.test(name),
  )
  return Object.fromEntries(names.map((name) => [name, fieldOf(request, name).trim()]))
}

/** Lines `name = value`; JSON where it is JSON. */
export function paramLines(text: string): readonly Assignment[] {
  return text.split('\n').flatMap((line): readonly Assignment[] => {
    const [, name = '', value = ''] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (name !== '') return [{ kind: 'param', name, value: value === '' ? undefined : jsonOrText(value) }]
    return line.trim() === '' ? [] : [{ kind: 'param', name: line.trim(), value: '' }]
  })
}

/** Problems by the field that they are about; those of no field are said above the form. */
export function faultsOf(
  problems: readonly Problem[],
  fieldFor: (problem: Problem) => string | null,
): Readonly<{ faults: Readonly<Record<string, string>>; others: readonly Problem[] }> {
  const faults: Record<string, string> = {}
  const others: Problem[] = []
  for (const problem of problems) {
    const field = fieldFor(problem)
    if (field === null) others.push(problem)
    else faults[field] ??= problem.why
  }
  return { faults, others }
}

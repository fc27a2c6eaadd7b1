// Networks, profiles and images as their pages have them: which columns, what may stand in each, and as what text.
import type { GivenRow, Assignment } from '../../manage/assignments.ts'
import { jsonOrText } from '../../manage/assignments.ts'
import type { UsedTable } from '../../manage/uses.ts'
import { architectures, families, guestTypes, hypervisors } from '../../inventory/rows.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { compareNaturally } from '../../inventory/natural-order.ts'
import type { FormField, Option } from './machine-fields.ts'
import { withStray } from './machine-fields.ts'
import type { Texts } from './merge.ts'
import { plainText } from './merge.ts'
import { linesOf, paramsChanged } from './param-lines.ts'

type Column = Readonly<{
  column: string
  label: string
  hint?: string
  /** `pairs`: lines NAME = VALUE of what is JSON in the store. */
  kind?: 'number' | 'params' | 'pairs' | 'list'
  options?: readonly string[] | UsedTable
}>

export type RowKind = Readonly<{
  table: UsedTable
  noun: string
  label: string
  /** What it is, for who has none yet. */
  about: string
  columns: readonly Column[]
  /** Shown in the list, behind the name. */
  listed: readonly string[]
}>

export const rowKinds: readonly RowKind[] = [
  {
    table: 'networks',
    noun: 'network',
    label: 'Networks',
    about: 'A network gives its machines gateway, name servers and domain, and says where the addresses lie.',
    listed: ['cidr', 'gateway', 'dns', 'domain', 'next_server', 'vlan', 'relay', 'cidr6'],
    columns: [
      { column: 'cidr', label: 'Network', hint: '192.0.2.0/24' },
      { column: 'gateway', label: 'Gateway', hint: '192.0.2.254' },
      { column: 'dns', label: 'Name servers', hint: 'with commas; else the site’s' },
      { column: 'domain', label: 'Domain', hint: 'farm.example.org' },
      { column: 'ntp', label: 'Time servers', hint: 'with commas; else the site’s' },
      { column: 'next_server', label: 'Boot server', hint: 'else this one' },
      { column: 'relay', label: 'Relay', hint: 'the address that the relay asks from' },
      { column: 'mtu', label: 'MTU', kind: 'number' },
      { column: 'vlan', label: 'VLAN', kind: 'number' },
      { column: 'cidr6', label: 'IPv6 network', hint: '2001:db8::/64' },
      { column: 'dns6', label: 'IPv6 name servers', hint: 'with commas' },
    ],
  },
  {
    table: 'profiles',
    noun: 'profile',
    label: 'Profiles',
    about: 'A profile says what is installed: release, image, template; what it does not say comes from its parent.',
    listed: ['parent', 'family', 'version', 'arch', 'template', 'image', 'hypervisor', 'guest_type'],
    columns: [
      { column: 'parent', label: 'Parent', options: 'profiles' },
      { column: 'family', label: 'Family', options: families },
      { column: 'version', label: 'Version', hint: '9 or 9.4' },
      { column: 'arch', label: 'Architecture', options: architectures },
      { column: 'template', label: 'Install template', hint: 'el9.ks' },
      { column: 'image', label: 'Image', options: 'images' },
      { column: 'hypervisor', label: 'Hypervisor', options: hypervisors },
      { column: 'guest_type', label: 'Type of guest', options: guestTypes },
      { column: 'kernel_args', label: 'Kernel arguments', hint: 'of the installer' },
      {
        column: 'repositories',
        label: 'Repositories',
        kind: 'list',
        hint: 'one a line: extras = http://192.0.2.1/extras',
      },
      {
        column: 'params',
        label: 'Params',
        kind: 'params',
        hint: 'one a line: rack = r12; packages+ = ["vim"] adds to a list',
      },
    ],
  },
  {
    table: 'images',
    noun: 'image',
    label: 'Images',
    about: 'An image is a kernel and an initrd of an installer. The command line fetches one: bootstead image add.',
    listed: ['arch', 'kernel', 'initrd', 'xen', 'tree_url'],
    columns: [
      { column: 'arch', label: 'Architecture', options: architectures },
      { column: 'kernel', label: 'Kernel', hint: 'below the image’s folder: vmlinuz' },
      { column: 'initrd', label: 'Initrd', hint: 'initrd.img' },
      { column: 'xen', label: 'Xen', hint: 'the hypervisor of a Dom0’s installer' },
      { column: 'tree_url', label: 'Install tree', hint: 'http://192.0.2.1/el9' },
      { column: 'sha256', label: 'Checksums', kind: 'pairs', hint: 'one a line: vmlinuz = SHA-256 in hex' },
    ],
  },
]

export const labelOf = ({ columns }: RowKind, column: string): string =>
  columns.find((one) => one.column === column)?.label ?? column

/** What the form shows of a row as the store has it. */
export const textsOfRow = ({ columns }: RowKind, row: GivenRow): Texts =>
  Object.fromEntries(columns.map((one) => [`set.${one.column}`, textOf(one, row[one.column])]))

function textOf({ kind }: Column, value: unknown): string {
  if (kind === 'params' || kind === 'pairs') return linesOf(value)
  if (kind === 'list') return repositoryLines(value)
  return typeof value === 'string' || typeof value === 'number' ? plainText(String(value)) : ''
}

function repositoryLines(stored: unknown): string {
  const repositories = typeof stored === 'string' && stored !== '' ? jsonOrText(stored) : []
  if (!Array.isArray(repositories)) return typeof stored === 'string' ? stored : ''
  return (repositories as readonly Readonly<Record<string, unknown>>[])
    .map(({ name, url }) => `${String(name)} = ${String(url)}`)
    .join('\n')
}

/** What is different between two fillings of the form. */
export function assignmentsOfRow({ columns }: RowKind, now: Texts, texts: Texts): readonly Assignment[] {
  return columns.flatMap(({ column, kind }): readonly Assignment[] => {
    const [was, is] = [now[`set.${column}`] ?? '', texts[`set.${column}`] ?? '']
    if (was === is) return []
    if (kind === 'params') return paramsChanged(was, is)
    if (kind === 'list' || kind === 'pairs') return [{ kind: 'column', column, value: storedPairs(kind, is) }]
    return [{ kind: 'column', column, value: is }]
  })
}

function storedPairs(kind: 'list' | 'pairs', text: string): string {
  const pairs = text.split('\n').flatMap((line): readonly (readonly [string, string])[] => {
    const [, name = line.trim(), value = ''] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    return line.trim() === '' ? [] : [[name, value]]
  })
  if (pairs.length === 0) return ''
  return JSON.stringify(kind === 'pairs' ? Object.fromEntries(pairs) : pairs.map(([name, url]) => ({ name, url })))
}

export function rowFields(snapshot: Snapshot, { columns }: RowKind, texts: Texts, faults: Texts): readonly FormField[] {
  return columns.map(({ column, label, hint = '', kind, options }) => ({
    name: `set.${column}`,
    label,
    hint,
    kind: options !== undefined ? 'choice' : kind === 'number' ? 'number' : kind === undefined ? 'text' : 'lines',
    options: options === undefined ? [] : optionsOf(snapshot, options, texts[`set.${column}`] ?? ''),
    value: texts[`set.${column}`] ?? '',
    fault: faults[`set.${column}`] ?? '',
  }))
}

function optionsOf(snapshot: Snapshot, options: readonly string[] | UsedTable, value: string): readonly Option[] {
  const names = typeof options === 'string' ? [...snapshot[options].keys()].sort(compareNaturally) : options
  const none = { value: '', label: '(not given)' }
  return withStray([none, ...names.map((name) => ({ value: name, label: name }))], value)
}

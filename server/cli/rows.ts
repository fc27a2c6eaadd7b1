// `bootstead network|profile|image|site list|show|set|rm`: the other tables, all in one way.
import type { Command } from 'commander'
import type { Edit, StoredRow } from '../inventory/encode.ts'
import { encodeRow } from '../inventory/encode.ts'
import type { TableName } from '../inventory/rows.ts'
import { parseRow } from '../inventory/rows.ts'
import { selectMachines } from '../inventory/select.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { rowOf, rowsOf } from '../inventory/snapshot.ts'
import { readRows } from '../inventory/store/read.ts'
import type { ApplyOptions } from './apply.ts'
import { changeRows } from './apply.ts'
import { parseAssignment } from './assignments.ts'
import { assignToRow, jsonOrText, putRow } from '../manage/assignments.ts'
import { collect } from '../manage/machines.ts'
import { fail, misuse } from './failure.ts'
import { foldNames } from '../manage/names.ts'
import { withApplyOptions } from './options.ts'
import { rowWithoutSecrets } from '../manage/secrets.ts'
import type { Session } from './session.ts'
import { showValue } from '../manage/row-changes.ts'
import { alignColumns, alignPairs, count } from './table.ts'

type Kind = Readonly<{
  table: Exclude<TableName, 'machines' | 'interfaces'>
  noun: string
  /** Shown by `list`, behind the name. */
  columns: readonly string[]
}>

export const networks: Kind = {
  table: 'networks',
  noun: 'network',
  columns: ['cidr', 'gateway', 'dns', 'domain', 'next_server', 'vlan', 'relay', 'cidr6'],
}
export const profiles: Kind = {
  table: 'profiles',
  noun: 'profile',
  columns: ['parent', 'family', 'version', 'arch', 'template', 'image', 'hypervisor', 'guest_type'],
}
export const images: Kind = { table: 'images', noun: 'image', columns: ['arch', 'kernel', 'initrd', 'xen', 'tree_url'] }

export function registerNetwork(program: Command, session: Session): void {
  const group = program.command('network').description('list, show, add, change and remove networks')
  registerReading(group, session, networks)
  registerWriting(group, session, networks)
}

export function registerProfile(program: Command, session: Session): void {
  const group = program.command('profile').description('list, show, add, change and remove profiles')
  registerReading(group, session, profiles)
  registerWriting(group, session, profiles)
}

/** `list` and `show`. */
export function registerReading(group: Command, session: Session, kind: Kind): void {
  group
    .command('list')
    .description(`list ${kind.noun}s`)
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const snapshot = await session.loadSnapshot()
      const rows = rowsOf(snapshot, kind.table).map((row) => rowWithoutSecrets(encodeRow(row)))
      if (json === true) session.printJson(rows)
      else
        session.print(
          alignColumns(
            ['name', ...kind.columns],
            rows.map((row) => ['name', ...kind.columns].map((column) => showValue(row[column]))),
          ),
        )
      noteUnreadable(session, snapshot, kind)
    })
  group
    .command('show')
    .description(`show a ${kind.noun} and the machines that use it`)
    .argument('<name>')
    .option('--json', 'as JSON')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const snapshot = await session.loadSnapshot()
      const row = rowWithoutSecrets(encodeRow(rowOf(snapshot, kind.table, name) ?? unknown(kind, name)))
      const users = selectMachines(snapshot, [`${kind.noun}=${name}`]).map(({ hostname }) => hostname)
      if (json === true) return session.printJson({ ...row, machines: users })
      const given = Object.entries(row).flatMap(([column, value]) =>
        value === null || value === '' || value === '{}' ? [] : [[column, showValue(value)] as const],
      )
      session.print(
        alignPairs([...given, ['machines', users.length === 0 ? 'none' : `${foldNames(users)} (${users.length})`]]),
      )
    })
}

function noteUnreadable(session: Session, { unreadable }: Snapshot, { table }: Kind): void {
  const names = [...unreadable.values()].flat().flatMap((row) => (row.table === table ? [row.key] : []))
  if (names.length > 0)
    session.note(`${count(names.length, 'row')} can't be read: ${names.join(', ')}; bootstead check shows why`)
}

const unknown = ({ noun }: Kind, name: string): never =>
  fail(`there is no ${noun} ${name}; bootstead ${noun} list shows those there are`)

function registerWriting(group: Command, session: Session, kind: Kind): void {
  withApplyOptions(
    group.command('add').description(`add a ${kind.noun}`).argument('<name>').argument('<field=value...>'),
  ).action(async (name: string, words: readonly string[], options: ApplyOptions) => {
    const snapshot = await session.loadSnapshot()
    if (rowOf(snapshot, kind.table, name) !== null)
      fail(`there is a ${kind.noun} ${name} already; change it with: bootstead ${kind.noun} set`)
    await setRow(session, snapshot, kind, { name }, words, options)
  })
  registerSet(group, session, kind)
  registerRemoval(group, session, kind)
}

export function registerSet(group: Command, session: Session, kind: Kind): void {
  withApplyOptions(
    group
      .command('set')
      .description(`change fields of a ${kind.noun}; an empty value clears`)
      .argument('<name>')
      .argument('<field=value...>'),
  ).action(async (name: string, words: readonly string[], options: ApplyOptions) => {
    const snapshot = await session.loadSnapshot()
    await setRow(session, snapshot, kind, await storedRow(session, snapshot, kind, name), words, options)
  })
}

/** The row as it is in the store, so that one that can't be read can be mended. */
async function storedRow(session: Session, snapshot: Snapshot, kind: Kind, name: string): Promise<StoredRow> {
  const row = rowOf(snapshot, kind.table, name)
  if (row !== null) return encodeRow(row)
  const [stored] = snapshot.unreadable.has(`${kind.table}/${name}`)
    ? await readRows(await session.store(), kind.table, [name])
    : []
  return stored?.raw == null ? unknown(kind, name) : (stored.raw as StoredRow)
}

async function setRow(
  session: Session,
  snapshot: Snapshot,
  { table }: Kind,
  row: StoredRow,
  words: readonly string[],
  options: ApplyOptions,
): Promise<void> {
  const assignments = words.map((word) => parseAssignment(table, word))
  const edits = collect([putRow(table, assignToRow(row, assignments))])
  await changeRows(session, snapshot, edits, options)
}

function registerRemoval(group: Command, session: Session, kind: Kind): void {
  withApplyOptions(
    group.command('rm').description(`remove ${kind.noun}s that no machine needs`).argument('<name...>'),
  ).action(async (names: readonly string[], options: ApplyOptions) => {
    await changeRows(session, ...(await removals(session, kind, names)), options)
  })
}

/** @throws Refused naming those that are not there */
export async function removals(
  session: Session,
  kind: Kind,
  names: readonly string[],
): Promise<readonly [Snapshot, readonly Edit[]]> {
  const snapshot = await session.loadSnapshot()
  const isThere = (name: string): boolean =>
    rowOf(snapshot, kind.table, name) !== null || snapshot.unreadable.has(`${kind.table}/${name}`)
  for (const name of names) if (!isThere(name)) unknown(kind, name)
  return [snapshot, [...new Set(names)].map((key) => ({ kind: 'delete', table: kind.table, key }))]
}

const siteValues: Kind = { table: 'site', noun: 'site value', columns: ['value'] }

/** `site set timezone=Europe/Paris`: a site's values have names of their own and one column. */
export function registerSite(program: Command, session: Session): void {
  const group = program
    .command('site')
    .description("list, set and remove the site's own values, the outermost layer of every machine's")
  group
    .command('list')
    .description("list the site's values")
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const snapshot = await session.loadSnapshot()
      const rows = rowsOf(snapshot, 'site').map((row) => rowWithoutSecrets(encodeRow(row)))
      if (json === true) session.printJson(rows)
      else
        session.print(
          alignColumns(
            ['name', 'value'],
            rows.map(({ name, value }) => [showValue(name), showValue(value)]),
          ),
        )
      noteUnreadable(session, snapshot, siteValues)
    })
  group
    .command('show')
    .description("show one of the site's values")
    .argument('<name>')
    .action(async (name: string) => {
      const row =
        rowOf(await session.loadSnapshot(), 'site', name) ??
        fail(`there is no site value ${name}; bootstead site list shows those there are`)
      session.print(JSON.stringify(row.value, null, 2))
    })
  withApplyOptions(group.command('set').description('set values: JSON, or text').argument('<name=value...>')).action(
    async (words: readonly string[], options: ApplyOptions) => {
      await changeRows(session, await session.loadSnapshot(), words.map(siteEdit), options)
    },
  )
  registerRemoval(group, session, siteValues)
}

/** @throws UsageError naming the word; a value is never empty, for that would be a value too */
function siteEdit(word: string): Edit {
  const [, name = '', text = ''] =
    /^([^=]+)=([^]+)$/.exec(word) ?? misuse(`${word}: expected name=value; remove one with: bootstead site rm`)
  const parsed = parseRow('site', { name, value: JSON.stringify(jsonOrText(text)) })
  if (parsed.ok) return { kind: 'put', table: 'site', row: parsed.row }
  return misuse(...parsed.errors.map(({ field, message }) => `${name}: ${field}: ${message}`))
}

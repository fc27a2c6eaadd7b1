// `bootstead network|profile|image|site list|show|set|rm`: the other tables, all in one way.
import type { Command } from 'commander'
import { encodeRow } from '../inventory/encode.ts'
import type { SiteValue } from '../inventory/rows.ts'
import { parseRow } from '../inventory/rows.ts'
import { parseAssignment } from '../manage/assignment-words.ts'
import { jsonOrText } from '../manage/assignments.ts'
import type { AskedEdit } from '../manage/asked-edits.ts'
import { foldNames } from '../manage/names.ts'
import { showValue } from '../manage/row-changes.ts'
import { rowWithoutSecrets } from '../inventory/secrets.ts'
import type { PlainTable, TableRows } from '../manage/stored-rows.ts'
import type { ApplyOptions } from './apply.ts'
import { changeRows } from './apply.ts'
import { misuse } from './failure.ts'
import { withApplyOptions } from './options.ts'
import type { Session } from './session.ts'
import { alignColumns, alignPairs, count } from './table.ts'

type Kind = Readonly<{
  table: PlainTable
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
export function registerReading(group: Command, session: Session, { table, noun, columns }: Kind): void {
  group
    .command('list')
    .description(`list ${noun}s`)
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const found = await session.site().rows(table)
      const rows = found.rows.map((row) => rowWithoutSecrets(encodeRow(row)))
      const cells = rows.map((row) => ['name', ...columns].map((column) => showValue(row[column])))
      if (json === true) session.printJson(rows)
      else session.print(alignColumns(['name', ...columns], cells))
      noteUnreadable(session, found)
    })
  group
    .command('show')
    .description(`show a ${noun} and the machines that use it`)
    .argument('<name>')
    .option('--json', 'as JSON')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const { row: found, machines } = await session.site().row(table, name)
      const row = rowWithoutSecrets(encodeRow(found))
      if (json === true) return session.printJson({ ...row, machines })
      const given = Object.entries(row).flatMap(([column, value]) =>
        value === null || value === '' || value === '{}' ? [] : [[column, showValue(value)] as const],
      )
      const users = machines.length === 0 ? 'none' : `${foldNames(machines)} (${machines.length})`
      session.print(alignPairs([...given, ['machines', users]]))
    })
}

function noteUnreadable(session: Session, { unreadable }: TableRows): void {
  if (unreadable.length > 0)
    session.note(
      `${count(unreadable.length, 'row')} can't be read: ${unreadable.join(', ')}; bootstead check shows why`,
    )
}

function registerWriting(group: Command, session: Session, kind: Kind): void {
  const { table } = kind
  withApplyOptions(
    group.command('add').description(`add a ${kind.noun}`).argument('<name>').argument('<field=value...>'),
  ).action(async (name: string, words: readonly string[], options: ApplyOptions) => {
    await changeRows(session, [{ edit: 'add row', table, name, words: checked(table, words) }], options)
  })
  registerSet(group, session, kind)
  registerRemoval(group, session, kind)
}

export function registerSet(group: Command, session: Session, { table, noun }: Kind): void {
  withApplyOptions(
    group
      .command('set')
      .description(`change fields of a ${noun}; an empty value clears`)
      .argument('<name>')
      .argument('<field=value...>'),
  ).action(async (name: string, words: readonly string[], options: ApplyOptions) => {
    await changeRows(session, [{ edit: 'set row', table, name, words: checked(table, words) }], options)
  })
}

/** Before anything is asked. @throws Misworded */
function checked(table: PlainTable, words: readonly string[]): readonly string[] {
  for (const word of words) parseAssignment(table, word)
  return words
}

function registerRemoval(group: Command, session: Session, { table, noun }: Kind): void {
  withApplyOptions(
    group.command('rm').description(`remove ${noun}s that no machine needs`).argument('<name...>'),
  ).action(async (names: readonly string[], options: ApplyOptions) => {
    await changeRows(session, removals(table, names), options)
  })
}

export const removals = (table: PlainTable, names: readonly string[]): readonly AskedEdit[] =>
  [...new Set(names)].map((name) => ({ edit: 'remove row', table, name }))

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
      const found = await session.site().rows('site')
      const rows = found.rows.map((row) => rowWithoutSecrets(encodeRow(row)))
      const cells = rows.map(({ name, value }) => [showValue(name), showValue(value)])
      if (json === true) session.printJson(rows)
      else session.print(alignColumns(['name', 'value'], cells))
      noteUnreadable(session, found)
    })
  group
    .command('show')
    .description("show one of the site's values")
    .argument('<name>')
    .action(async (name: string) => {
      const { row } = await session.site().row('site', name)
      session.print(JSON.stringify((row as SiteValue).value, null, 2))
    })
  withApplyOptions(group.command('set').description('set values: JSON, or text').argument('<name=value...>')).action(
    async (words: readonly string[], options: ApplyOptions) => {
      await changeRows(session, words.map(siteEdit), options)
    },
  )
  registerRemoval(group, session, siteValues)
}

/** @throws UsageError naming the word; a value is never empty, for that would be a value too */
function siteEdit(word: string): AskedEdit {
  const [, name = '', text = ''] =
    /^([^=]+)=([^]+)$/.exec(word) ?? misuse(`${word}: expected name=value; remove one with: bootstead site rm`)
  const value = jsonOrText(text)
  const parsed = parseRow('site', { name, value: JSON.stringify(value) })
  if (!parsed.ok) misuse(...parsed.errors.map(({ field, message }) => `${name}: ${field}: ${message}`))
  return { edit: 'put row', table: 'site', name, row: { value } }
}

// An inventory, and all that stands beside it, whose every text is an attempt to become part of a page.
import type { StoredRow } from '../../../server/inventory/encode.ts'
import type { TableName } from '../../../server/inventory/rows.ts'
import { recordArming, recordEvents } from '../../../server/inventory/store/record.ts'
import { writeSeen } from '../../../server/serve/dhcp/seen-file.ts'
import type { Farm } from '../api/farm.ts'

/** Elements and attributes that no page has: where one stands, text became a part of the page. */
export const evilElement = 'x-evil'
export const evilAttribute = 'evil'
/** What a template engine would make of `{{ 7717 * 7717 }}`. */
export const product = String(7717 * 7717)

export const payloads: readonly string[] = [
  `"><${evilElement}></${evilElement}><script>alert(1)</script>`,
  `"><img src=x onerror=alert(1) ${evilAttribute}=1>`,
  `' ${evilAttribute}='1' onfocus='alert(1)' autofocus='`,
  `" ${evilAttribute}="1" hx-get="//evil.example.org/" hx-trigger="load`,
  `x ${evilAttribute}=1 style=color:red`,
  `</textarea></title></option></select></script><${evilElement}>`,
  `<!--<${evilElement}>--!><svg onload=alert(1)><${evilElement}>`,
  '{{ 7717 * 7717 }}{% raw %}{{ 7717*7717 }}',
  '{% for x in range(9) %}<x-evil>{% endfor %}',
  'javascript:alert(1)//https://evil.example.org/',
  '//evil.example.org/x',
  '&lt;x-evil&gt;&#x3C;x-evil&#x3E; & &amp;',
  `\u202Etxt.exe\u2066\u0000\u001B[31m\u2028</script><${evilElement}>`,
  `${'long '.repeat(4000)}<${evilElement}>`,
]

type Base = Readonly<{ table: TableName; keys: readonly string[]; where: Readonly<Record<string, string>> }>

const bases: readonly Base[] = [
  { table: 'machines', keys: ['hostname'], where: { hostname: 'web' } },
  { table: 'interfaces', keys: ['machine', 'name'], where: { machine: 'web', name: 'eth0' } },
  { table: 'networks', keys: ['name'], where: { name: 'farm' } },
  { table: 'profiles', keys: ['name'], where: { name: 'base' } },
  { table: 'images', keys: ['name'], where: { name: 'el9' } },
  { table: 'site', keys: ['name'], where: { name: 'timezone' } },
]

/** Beside each row one for each of its columns, with a payload there; as its owner may write them, past all checks. */
async function fillTables({ store }: Farm): Promise<void> {
  let count = 0
  const next = (): string => payloads[count++ % payloads.length] ?? ''
  for (const { table, keys, where } of bases) {
    const row = (await store.db
      .selectFrom(table)
      .selectAll()
      .where((is) => is.and(where))
      .executeTakeFirstOrThrow()) as StoredRow
    const columns = Object.keys(row).filter((column) => !['updated_at', 'deleted_at'].includes(column))
    for (const column of columns) {
      // Of a machine's other rows it is seen on the machine's own page.
      const own = keys.at(-1) ?? ''
      const copy = {
        ...row,
        [own]: table === 'interfaces' ? `e${count}` : `evil${count}-${column.replaceAll('_', '-')}`,
        [column]: next(),
      }
      await store.db.insertInto(table).values(copy).execute()
    }
    for (const json of columns.filter((column) => ['params', 'value', 'repositories', 'sha256'].includes(column))) {
      const value = { [next()]: next(), plain: next(), list: payloads, nested: { deep: { deeper: next() } } }
      await store.db
        .insertInto(table)
        .values({ ...row, [keys.at(-1) ?? '']: `evil${count++}-json`, [json]: JSON.stringify(value) })
        .execute()
    }
  }
  for (const [index, payload] of payloads.entries())
    await store.db.updateTable('machines').set({ notes: payload }).where('hostname', 'like', `evil${index}-%`).execute()
}

async function fillPeople({ store, site }: Farm): Promise<void> {
  const at = '2026-11-23T12:00:00.000Z'
  for (const [index, text] of payloads.entries()) {
    const name = `${index}${text.slice(0, 200)}`
    await store.db
      .insertInto('users')
      .values({ name, password: '', role: 'viewer', disabled: index % 2, created_at: text, changed_at: text })
      .execute()
    await store.db
      .insertInto('api_tokens')
      .values({
        ...{ user: 'admin', name, hash: `h${index}`, role: 'viewer' },
        created_at: text,
        expires_at: text,
        used_at: text,
      })
      .execute()
    await store.db
      .insertInto('audit')
      .values({ at, who: text, action: text, about: text, detail: text, peer: text })
      .execute()
  }
  Object.assign(site.admin, {
    health: () => ({
      ...{ status: 'ok', revision: 1, machines: 1, inventory: payloads[0], views: payloads[1] },
      targets: Object.fromEntries(payloads.map((text) => [text, text])),
    }),
  })
}

async function fillReports({ store, folder }: Farm): Promise<void> {
  const machines = ['web', 'acas0001', 'acas0002']
  const now = Date.now()
  await recordArming(store, machines, { who: payloads[0] ?? '', now, expiresAt: now + 3600_000 })
  const at = new Date(now).toISOString()
  await recordEvents(
    store,
    machines.flatMap((machine) =>
      payloads.map((text) => ({
        machine,
        at,
        stage: 'installing',
        detail: text,
        progress: 1,
        door: text.slice(0, 200),
        peer: text.slice(0, 200),
      })),
    ),
  )
  for (const machine of machines)
    await store.db
      .insertInto('consoles')
      .values({ machine, at, tail: payloads.join('\n') })
      .execute()
  await store.db
    .updateTable('changes')
    .set({ who: payloads[0] ?? '' })
    .execute()
  await store.db
    .updateTable('changes')
    .set({ row_key: payloads[1] ?? '' })
    .where('id', '=', 2)
    .execute()
  await writeSeen(
    folder,
    payloads.map((text) => ({
      ...{ mac: text, machine: null, why: text, vendorClass: text, architecture: 7, uuid: text, via: text },
      ...{ firstAt: at, lastAt: at, count: 3 },
    })),
  )
}

/** Everything that anybody can write, written. */
export async function makeHostile(farm: Farm): Promise<void> {
  await fillTables(farm)
  await fillPeople(farm)
  await fillReports(farm)
  await farm.site.admin.live.catchUp()
}

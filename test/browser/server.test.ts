// The real server as its own process, on both databases: from the first link to an install that is watched.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { recordConsoles, recordEvents } from '../../server/inventory/store/record.ts'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import type { KnownServer } from '../../server/serve/presence.ts'
import { assertAccessible, openPages } from '../admin/browser.ts'
import { flavours } from '../databases.ts'
import { temporaryFolder } from '../fixtures.ts'
import type { MariaDb } from '../mariadb.ts'
import { startMariaDb } from '../mariadb.ts'
import { comeIn, sampleFarm } from './process.ts'

const pages = openPages()
let mariadb: MariaDb
before(async () => {
  mariadb = await startMariaDb(['--innodb-flush-log-at-trx-commit=1']) // a crash loses nothing
})
after(() => mariadb.stop())

for (const flavour of flavours)
  test(`on ${flavour}: by the first link to the farm and its health, to a Dom0, and through its guests' installs`, async (t) => {
    const folder = temporaryFolder(t)
    const inventory = flavour === 'SQLite' ? `sqlite:${join(folder, 'inventory.sqlite')}` : mariadb.newDatabase('whole')
    const farm = await sampleFarm(folder, inventory)
    const server = await farm.serve()
    t.after(server.stop)
    const { page, faults } = await pages(t, server.url)
    await comeIn(page, server.link)
    for (const door of ['DHCP', 'TFTP', 'HTTP', 'Pages and API'])
      await page.getByText(new RegExp(`^${door} at 127\\.0\\.0\\.1:[1-9]`)).waitFor()
    await page.getByText('DHCPv6 switched off').waitFor()
    const health = (await (await page.request.get('/api/v1/health')).json()) as { servers: readonly KnownServer[] }
    assert.deepEqual(
      health.servers.map(({ isThis, isStale, doors }) => [
        isThis,
        isStale,
        doors.filter(({ at }) => at !== null).length,
      ]),
      [[true, false, 4]],
    )
    await assertAccessible(page, 'the farm of a real server')
    await page.keyboard.press('/')
    await page.waitForURL('**/machines#find')
    await page.keyboard.type('acas0021')
    await page.waitForURL('**/machines?q=acas0021')
    await page.getByRole('link', { name: 'acas0021' }).first().click()
    await page.getByRole('link', { name: 'Guests', exact: true }).click()
    await page.getByText('Nothing is being installed here').waitFor()
    const store = openStore(inventory)
    t.after(() => closeStore(store))
    for (const machine of ['acas0022', 'acas0023']) {
      const at = new Date().toISOString()
      const event = { machine, at, stage: 'installing', detail: 'packages', door: 'http', peer: null }
      await recordEvents(store, [{ ...event, progress: 40 }])
      await recordConsoles(store, [{ machine, at, tail: `${machine} unpacks glibc` }])
    }
    for (const machine of ['acas0022', 'acas0023']) await page.getByText(`${machine} unpacks glibc`).waitFor()
    await assertAccessible(page, 'two guests of a real server install')
    assert.deepEqual(faults, [])
  })

test('while the database is away the page that is open says so, a new one too, and both go on when it is back', async (t) => {
  const folder = temporaryFolder(t)
  const farm = await sampleFarm(folder, mariadb.newDatabase('away'))
  const server = await farm.serve()
  t.after(server.stop)
  const { page } = await pages(t, server.url)
  await comeIn(page, server.link)
  await mariadb.kill()
  await page.getByText('the database is away').waitFor({ timeout: 60_000 })
  await assertAccessible(page, 'the database is away')
  const other = await page.context().newPage()
  await other.goto(`${server.url}/machines`)
  await other.getByText('machines are served from the last picture of the inventory').waitFor()
  await assertAccessible(other, 'a new page while the database is away')
  await mariadb.start()
  await page.getByText('the database is away').waitFor({ state: 'detached', timeout: 60_000 })
  const machines = other.getByRole('heading', { name: 'Machines' })
  // A connection that the database's end has cut may be found out by one of these.
  while (!(await machines.isVisible())) {
    await other.getByRole('link', { name: 'Try again' }).or(machines).click()
    await other.waitForLoadState()
  }
})

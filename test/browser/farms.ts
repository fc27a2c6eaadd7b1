// The browser's flows run over both databases: farms on an SQLite file, and on a MariaDB of the file's own.
import type { TestContext } from 'node:test'
import { after, before, describe } from 'node:test'
import type { Farm } from '../admin/api/farm.ts'
import { openApiFarm } from '../admin/api/farm.ts'
import type { MariaDb } from '../mariadb.ts'
import { startMariaDb } from '../mariadb.ts'

export type OpenFarm = (t: TestContext, yaml?: string) => Promise<Farm>
export type Themes = readonly ('light' | 'dark')[]

/** @param tests are given how a farm is opened there, and in which themes its pages are looked at: they are the same pages */
export function onEachDatabase(what: string, tests: (open: OpenFarm, themes: Themes) => void): void {
  let mariadb: MariaDb
  let count = 0
  before(async () => {
    mariadb = await startMariaDb()
  })
  after(() => mariadb.stop())
  describe(`${what}, on SQLite`, () => tests((t, yaml) => openApiFarm(t, null, yaml), ['light', 'dark']))
  describe(`${what}, on MariaDB`, () =>
    tests((t, yaml) => openApiFarm(t, mariadb.newDatabase(`browser${++count}`), yaml), ['light']))
}

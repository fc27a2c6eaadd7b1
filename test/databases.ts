// An inventory on either database: an SQLite file of the test's own, or a database of a MariaDB that the test file shares.
import { join } from 'node:path'
import { after } from 'node:test'
import type { TestContext } from 'node:test'
import { migrateStore } from '../server/inventory/store/migrations.ts'
import type { Store } from '../server/inventory/store/open.ts'
import { closeStore, openStore } from '../server/inventory/store/open.ts'
import { temporaryFolder } from './fixtures.ts'
import type { MariaDb } from './mariadb.ts'
import { startMariaDb } from './mariadb.ts'

export const flavours = ['SQLite', 'MariaDB'] as const
export type Flavour = (typeof flavours)[number]

type Databases = Readonly<{
  /** The address of a database that is made, empty, by this call. */
  address: (t: TestContext, flavour: Flavour) => Promise<string>
  /** A store with its tables and without a row, closed after the test. */
  opened: (t: TestContext, flavour: Flavour) => Promise<Store>
  /** The server of the file, for what is done to it by its administrator. */
  mariaDb: () => Promise<MariaDb>
}>

/** For a file's tests, called once at its top; MariaDB is started when the first of them asks for it. */
export function databases(): Databases {
  let started: Promise<MariaDb> | null = null
  let count = 0
  after(async () => (await started)?.stop())
  const mariaDb = (): Promise<MariaDb> => (started ??= startMariaDb())
  const address: Databases['address'] = async (t, flavour) =>
    flavour === 'SQLite'
      ? `sqlite:${join(temporaryFolder(t), 'inventory.sqlite')}`
      : (await mariaDb()).newDatabase(`t${++count}`)
  return {
    mariaDb,
    address,
    opened: async (t, flavour) => {
      const store = openStore(await address(t, flavour))
      t.after(() => closeStore(store))
      await migrateStore(store)
      return store
    },
  }
}

// The browser's flows run over both databases: farms on an SQLite file, and on a MariaDB of the file's own.
import type { TestContext } from 'node:test'
import { describe } from 'node:test'
import type { Farm } from '../admin/api/farm.ts'
import { openApiFarm } from '../admin/api/farm.ts'
import { databases, flavours } from '../databases.ts'

type OpenFarm = (t: TestContext, yaml?: string) => Promise<Farm>
type Themes = readonly ('light' | 'dark')[]

/** @param tests are given how a farm is opened there, and in which themes its pages are looked at: they are the same pages */
export function onEachDatabase(what: string, tests: (open: OpenFarm, themes: Themes) => void): void {
  const { address } = databases()
  for (const flavour of flavours)
    describe(`${what}, on ${flavour}`, () =>
      tests(
        async (t, yaml) => openApiFarm(t, await address(t, flavour), yaml),
        flavour === 'SQLite' ? ['light', 'dark'] : ['light'],
      ))
}

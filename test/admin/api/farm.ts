// The API over a farm: a store, followed as the server does, an image whose files are there, and a token of each role.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import supertest from 'supertest'
import type { Response } from 'supertest'
import type { Role } from '../../../server/admin/roles.ts'
import { csrfTokenOf } from '../../../server/admin/secrets.ts'
import { loadTemplates } from '../../../server/cli/templates.ts'
import { migrateStore } from '../../../server/inventory/store/migrations.ts'
import type { Store } from '../../../server/inventory/store/open.ts'
import { closeStore, openStore } from '../../../server/inventory/store/open.ts'
import { recordEvents } from '../../../server/inventory/store/record.ts'
import type { Desk } from '../../../server/manage/desk.ts'
import type { Place } from '../../../server/serve/generate.ts'
import { writeSeen } from '../../../server/serve/dhcp/seen-file.ts'
import { openLive } from '../../../server/serve/live.ts'
import type { TargetName } from '../../../server/render/targets.ts'
import { templateEngine } from '../../../server/render/templates.ts'
import { fillStore, silent, temporaryFolder } from '../../fixtures.ts'
import { farm } from '../../unit/cli/cli.ts'
import type { TestSite } from '../site.ts'
import { cookieOf, openTestSite, testDesk } from '../site.ts'

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'
export type Asked = Readonly<{
  as?: Role | null
  /** By a token, unless it is said otherwise. */
  via?: 'session'
  body?: object
  headers?: Readonly<Record<string, string>>
  query?: Readonly<Record<string, string>>
}>

export type Farm = Readonly<{
  site: TestSite
  store: Store
  folder: string
  /** As an operator, unless another role is given; null is nobody. */
  ask: (method: Method, path: string, asked?: Asked) => Promise<Response>
  tokens: Readonly<Record<Role, string>>
  /** What a request would work with, signed by `who`. */
  desk: (who: string) => Desk
  /** What is generated: a test may add to them. */
  targets: Map<TargetName, Place>
}>

/** @param at the address of a store; by default an SQLite file of the test's own */
export async function openApiFarm(t: TestContext, at: string | null = null, yaml = farm): Promise<Farm> {
  const folder = temporaryFolder(t)
  for (const [name, text] of [
    ['vmlinuz', 'kernel'],
    ['initrd.img', 'initrd'],
  ] as const) {
    mkdirSync(join(folder, 'images/el9'), { recursive: true })
    writeFileSync(join(folder, 'images/el9', name), text)
  }
  const store = openStore(at ?? `sqlite:${join(folder, 'inventory.sqlite')}`)
  t.after(() => closeStore(store))
  await migrateStore(store)
  await fillStore(store, yaml)
  await writeSeen(folder, [stranger])
  const live = await openLive({ store, stateDir: folder, pollMs: 60_000, log: silent })
  t.after(live.close)
  mkdirSync(join(folder, 'templates'))
  writeFileSync(join(folder, 'templates/own.ks'), 'rootpw {{ params.root_password_hash }}\n')
  const engine = templateEngine(loadTemplates(join(folder, 'templates')))
  const targets = new Map<TargetName, Place>([['tftpboot', { ...quietPlace, folder: join(folder, 'tftpboot') }]])
  const desk = (who: string): Desk => ({ ...testDesk(store, who, () => Date.now()), engine, stateDir: folder, targets })
  const site = await openTestSite(t, { store, live, desk })
  t.after(() => site.admin.streams.close())
  const tokens = {
    viewer: await site.token('viewer', 'viewer'),
    operator: await site.token('operator', 'operator'),
    admin: await site.token('admin', 'admin'),
  }
  return {
    site,
    store,
    folder,
    tokens,
    desk,
    targets,
    ask: async (method, path, { as = 'operator', via, body, headers = {}, query = {} } = {}) => {
      const request = supertest(site.app)[method](`/api/v1${path}`).query(query).set(headers)
      const signed = as === null ? request : request.set(await credentialsOf(site, tokens, as, via))
      return body === undefined ? signed : signed.send(body)
    },
  }
}

async function credentialsOf(
  site: TestSite,
  tokens: Farm['tokens'],
  as: Role,
  via: Asked['via'],
): Promise<Readonly<Record<string, string>>> {
  if (via === undefined) return { Authorization: `Bearer ${tokens[as]}` }
  const session = await site.session(as)
  return { Cookie: cookieOf(session), 'X-CSRF-Token': csrfTokenOf(session), 'Sec-Fetch-Site': 'same-origin' }
}

/** Puts what a machine reports at this very moment into the store: what is quiet for long has stalled. */
export async function heard(
  { store }: Farm,
  machine: string,
  stage: string,
  detail: string | null = null,
  progress: number | null = null,
): Promise<void> {
  const at = new Date().toISOString()
  await recordEvents(store, [{ machine, at, stage, detail, progress, door: 'http', peer: null }])
}

export const quietPlace = { main: null, check: false, reload: null, restart: null, controlSocket: null } as const

const stranger = {
  ...{ mac: '00:00:5e:00:53:78', machine: null, why: 'no machine has this MAC', vendorClass: 'PXEClient' },
  ...{ architecture: 0, uuid: null, via: 'eth0', firstAt: '2026-11-23T11:00:00.000Z' },
  ...{ lastAt: '2026-11-23T11:00:04.000Z', count: 3 },
}

/** The body of an answer that went well. */
export async function answered(answer: Promise<Response>): Promise<Record<string, unknown>> {
  const had = await answer
  if (had.status >= 300) throw new Error(`${had.status}: ${had.text}`)
  return had.body as Record<string, unknown>
}

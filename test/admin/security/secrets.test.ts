// What a viewer is never shown: a word that stands in every secret place, searched for in every answer that a viewer can get.
import assert from 'node:assert/strict'
import { get as httpGet } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import supertest from 'supertest'
import { apiTokenPrefix } from '../../../server/admin/secrets.ts'
import { recordArming, recordEdits, recordEvents } from '../../../server/inventory/store/record.ts'
import type { Farm } from '../api/farm.ts'
import { openApiFarm } from '../api/farm.ts'
import { farm as sample } from '../../unit/cli/cli.ts'
import { get } from '../site.ts'
import { namesOf, pathsOf, queryNames } from './tour.ts'
import { listenAt } from './wire.ts'

const canary = 'c4n4ry'

/** Each a secret by its name, at each layer, on the top and deep down. */
const secretParams = `{ bmc_password: ${canary}1, ipmi_passwd: ${canary}2, vpn: { private_key: ${canary}3, deep: [{ api_token: ${canary}4 }] }, wifi_passphrase: ${canary}5, proxy: "http://ann:${canary}15@proxy.example.org:3128/", ldap_credentials: { bind: ${canary}6 } }`
/** Inside of what has no secret name itself. */
const secretTexts = `kernel_args: "quiet rd.luks.password=${canary}16 inst.proxy=http://ann:${canary}17@proxy.example.org:3128", repositories: [{ name: own, url: "https://${canary}19@mirror.example.org/own" }]`
const yaml = sample
  .replace('"$6$never-shown"', `"$6$${canary}7", ldap_password: ${canary}8`)
  .replace('params: { packages: [vim] }', `params: ${secretParams}, ${secretTexts}`)
  .replace('params: { rack: r12 }', `params: ${secretParams}`)
  .replace(
    'disk: sda, interfaces: { eth0: { mac: 00:00:5e:00:53:01',
    `disk: sda, params: ${secretParams}, notes: "console_password=${canary}18", interfaces: { eth0: { mac: 00:00:5e:00:53:01`,
  )

type Armed = Readonly<{ farm: Farm; secrets: readonly string[] }>

async function open(t: TestContext): Promise<Armed> {
  const farm = await openApiFarm(t, null, yaml)
  const { store, site } = farm
  const machines = ['web', 'acas0001', 'acas0002', 'acas0003']
  // A history of secrets: one that was, one that is another now, and a row with one that went.
  const put = (value: string) => ({ kind: 'put', table: 'site', row: { name: 'old_secret', value } }) as const
  await recordEdits(store, [put(`${canary}9`)], 'web:operator')
  await recordEdits(store, [put(`${canary}10`)], 'web:operator')
  await recordEdits(store, [{ kind: 'delete', table: 'site', key: 'old_secret' }], 'web:operator')
  const now = Date.now()
  await recordArming(store, machines, { who: 'web:operator', now, expiresAt: now + 3600_000 })
  const at = new Date(now).toISOString()
  await recordEvents(
    store,
    machines.map((machine) => ({
      machine,
      at,
      stage: 'installing',
      detail: 'half',
      progress: 50,
      door: 'http',
      peer: null,
    })),
  )
  await store.db
    .updateTable('users')
    .set({ password: `$scrypt$${canary}11` })
    .where('name', '=', 'operator')
    .execute()
  await store.db
    .insertInto('api_tokens')
    .values({
      user: 'operator',
      name: 'x',
      hash: `${canary}12`,
      role: 'viewer',
      created_at: at,
      expires_at: '2999',
      used_at: null,
    })
    .execute()
  await store.db
    .insertInto('invitations')
    .values({
      hash: `${canary}13`,
      kind: 'reset',
      user: 'admin',
      role: null,
      created_by: 'web:admin',
      expires_at: '2999',
    })
    .execute()
  await store.db
    .insertInto('idempotency')
    .values({ key: 'operator/x', request: 'x', at, answer: JSON.stringify({ armed: `${canary}14` }) })
    .execute()
  await site.admin.live.catchUp()
  const tokens = await store.db.selectFrom('tokens').select('secret').execute()
  const sessions = await store.db.selectFrom('sessions').select('hash').execute()
  return { farm, secrets: [canary, ...tokens.map(({ secret }) => secret), ...sessions.map(({ hash }) => hash)] }
}

function assertSilent(what: string, text: string, secrets: readonly string[]): void {
  for (const secret of secrets) {
    const at = text.indexOf(secret)
    assert.equal(at, -1, `${what}: ${text.slice(Math.max(0, at - 200), at + 60)}`)
  }
}

/** Of words that are asked for: some that lead somewhere, and one that is refused. */
const queries: readonly string[] = [
  ...['name=kickstart', 'name=xen/acas0002', 'name=manifest', 'name=ks/web', 'select=web', 'select=*', 'layers=1'],
  ...['before=1&after=now', 'before=1&after=5', 'before=5', 'as=uefi', 'as=ipxe', 'limit=1000', 'diff=true', 'to=1'],
  ...['q=password', 'like=base', 'scope=all', 'machines=true', 'names=web&had=x', 'table=site', 'machine=web'],
  ...['eventsOnly=true', 'as=bios&mac=00:00:5e:00:53:02', 'sort=c4n', 'before=nonsense', 'limit=-1', 'select=['],
]

describe('a viewer', () => {
  for (const via of ['session', 'token'] as const)
    test(`by ${via} finds no secret in any page, answer, difference, history or refusal`, async (t) => {
      const { farm, secrets } = await open(t)
      const { app, routes, session } = farm.site
      const mine = await session('viewer')
      const ask = async (path: string) =>
        via === 'session'
          ? get(app, path, mine)
          : supertest(app).get(path).set('Authorization', `Bearer ${farm.tokens.viewer}`)
      let answers = 0
      const names = await namesOf(farm)
      for (const route of routes.filter(
        ({ method, path }) => method === 'get' && (via === 'session' || path.startsWith('/api')),
      ))
        for (const path of pathsOf(route, names).slice(0, 12))
          for (const query of ['', ...queries, ...queryNames.map((name) => `${name}=web`)]) {
            const { text, status, headers } = await ask(`${path}?${query}`)
            assert.ok(status < 500, `${path}?${query}: ${status}`)
            assertSilent(`${path}?${query}`, text + JSON.stringify(headers), secrets)
            if (status === 200) answers++
          }
      assert.ok(answers > 1000, String(answers))
    })

  test('finds none in the refusal of what only others may do', async (t) => {
    const { farm, secrets } = await open(t)
    const names = await namesOf(farm)
    for (const route of farm.site.routes.filter(({ method, path }) => method !== 'get' && path.startsWith('/api')))
      for (const path of pathsOf(route, names).slice(0, 3)) {
        const { text } = await supertest(farm.site.app)
          [route.method](path)
          .set('Authorization', `Bearer ${farm.tokens.viewer}`)
          .send({ dryRun: true, boot: 'rescue', edits: [], set: { params: { bmc_password: 'x' } } })
        assertSilent(`${route.method} ${path}`, text, secrets)
      }
  })

  test('finds none in a stream of events, from the first one on', async (t) => {
    const { farm, secrets } = await open(t)
    const { port } = await listenAt(t, farm.site)
    const headers = { Accept: 'text/event-stream', Authorization: `Bearer ${farm.tokens.viewer}`, 'Last-Event-ID': '0' }
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpGet({ host: '127.0.0.1', port, path: '/api/v1/events', headers }, resolve).on('error', reject)
    })
    let heard = ''
    for await (const part of response.setEncoding('utf8')) {
      heard += String(part)
      if ((heard.match(/^data: /gm) ?? []).length >= 8) break
    }
    assert.match(heard, /"stage":"armed"/)
    assertSilent('the stream', heard, secrets)
  })
})

test('what is searched for is there: an operator sees it in a kickstart, and nobody a password or a token of others', async (t) => {
  const { farm, secrets } = await open(t)
  const kickstart = await farm.ask('get', '/machines/web/artefact', { query: { name: 'kickstart' } })
  assert.ok(kickstart.text.includes(`${canary}7`), kickstart.text)
  const form = await get(farm.site.app, '/profiles/base/edit', await farm.site.session('operator'))
  for (const number of [1, 15, 16, 17, 19]) assert.ok(form.text.includes(`${canary}${number}`), form.text)
  for (const path of ['/users', '/tokens', '/audit']) {
    const { status, text } = await farm.ask('get', path, { as: 'admin' })
    assert.equal(status, 200)
    assertSilent(path, text, secrets)
    assert.ok(!text.includes(apiTokenPrefix), path)
  }
})

test('the log of a whole tour as an operator has none of it', async (t) => {
  const { farm, secrets } = await open(t)
  const { app, routes, session, logged } = farm.site
  const mine = await session('operator')
  const names = await namesOf(farm)
  for (const route of routes.filter(({ method }) => method === 'get'))
    for (const path of pathsOf(route, names)) await get(app, path, mine)
  assert.match(logged(), /"route":"\/machines\/:name\/artefact"/)
  assertSilent('the log', logged(), [...secrets, mine])
})

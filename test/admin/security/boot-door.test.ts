// Who gets what at the door that machines boot from: every artefact of the catalogue, every route of the application,
// asked by nobody, by machines, and by people with what opens the administration side to them.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { loadTemplates } from '../../../server/cli/templates.ts'
import type { Token } from '../../../server/inventory/rows.ts'
import { recordArming } from '../../../server/inventory/store/record.ts'
import { artefactsOf, catalogue } from '../../../server/render/catalogue.ts'
import type { RunningServer } from '../../../server/serve/server.ts'
import { sqliteStore, startServer, temporaryFolder } from '../../fixtures.ts'
import { openHttpDoor } from '../../protocol/http-door.ts'
import { cookieOf, openTestSite } from '../site.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Armed machines of each kind, at addresses of loopback, so that each can ask from its own. */
const inventory = `
networks: {lab: {cidr: 127.0.0.0/8}}
images: {el9: {arch: x86_64, kernel: vmlinuz, initrd: initrd.img, tree_url: repo/el9, sha256: {vmlinuz: ${sha256('vmlinuz')}, initrd.img: ${sha256('initrd.img')}}}}
profiles:
  el9: {family: el, version: "9", template: plain.ks, image: el9}
  xen: {parent: el9, hypervisor: xen}
  kvm: {parent: el9, hypervisor: kvm}
machines:
  xen1: {profile: xen, disk: sda, vcpus: 8, memory_mib: 16384, interfaces: {eth0: {mac: 02:00:00:00:00:01, ip: 127.0.0.11, network: lab, bridge: br0}}}
  kvm1: {profile: kvm, disk: sda, vcpus: 8, memory_mib: 16384, interfaces: {eth0: {mac: 02:00:00:00:00:02, ip: 127.0.0.12, network: lab, bridge: br0}}}
  guest1: {profile: el9, dom0: xen1, vdisk: /dev/sda5, memory_mib: 2048, interfaces: {eth0: {ip: 127.0.0.13, network: lab}}}
  guest2: {profile: el9, dom0: kvm1, vdisk: /dev/sda5, memory_mib: 2048, interfaces: {eth0: {ip: 127.0.0.14, network: lab}}}
  other: {profile: xen, disk: sda, interfaces: {eth0: {mac: 02:00:00:00:00:05, ip: 127.0.0.15, network: lab, bridge: br0}}}
`
const addresses: Readonly<Record<string, string>> = { xen1: '127.0.0.11', kvm1: '127.0.0.12', other: '127.0.0.15' }
const names = ['xen1', 'kvm1', 'guest1', 'guest2', 'other']

/** What the machine itself gets with nothing, with the token of its install, and with the one of its later life. */
type Own = Readonly<{ nothing: number; install: number; machine: number }>
const byAddress: Own = { nothing: 200, install: 200, machine: 200 }
const byEither: Own = { nothing: 403, install: 200, machine: 200 }
/** A new artefact has its line here, or this file fails. */
const expected: Readonly<Record<string, Own>> = {
  pxelinux: byAddress,
  grub: byAddress,
  ipxe: byAddress,
  kickstart: { nothing: 403, install: 200, machine: 403 },
  manifest: byEither,
  xen: byEither,
  'xen-install': byEither,
  libvirt: byEither,
  'libvirt-install': byEither,
}

type Ask = Readonly<{ from: string; headers?: Readonly<Record<string, string>>; method?: string }>

function ask(port: number, path: string, { from, headers = {}, method = 'GET' }: Ask) {
  return new Promise<Readonly<{ status: number; text: string }>>((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, localAddress: from, headers, agent: false }
    request(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
      .on('error', reject)
      .end()
  })
}

const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } })

type Farm = Readonly<{
  server: RunningServer
  port: number
  tokenOf: (machine: string, purpose: Token['purpose']) => string
  paths: readonly Readonly<{ name: string; path: string; machine: string }>[]
  /** What opens the administration side to people. */
  people: readonly Readonly<Record<string, string>>[]
}>

async function open(t: TestContext): Promise<Farm> {
  const stateDir = temporaryFolder(t)
  for (const name of ['vmlinuz', 'initrd.img']) {
    mkdirSync(join(stateDir, 'images/el9'), { recursive: true })
    writeFileSync(join(stateDir, 'images/el9', name), name)
  }
  const store = await sqliteStore(t, inventory)
  await recordArming(store, names, { who: 'test', now: Date.now(), expiresAt: Date.now() + 3600_000 })
  const sources = new Map([...loadTemplates(null), ['plain.ks', 'text\n# {{ token }}\n']])
  const templates = { sources, names: new Set(['plain.ks']) }
  const server = await startServer(t, store, { stateDir, templates, verifyAddress: true, dhcpPort: null })
  const site = await openTestSite(t, { store })
  const snapshot = server.live.snapshot()
  const context = { ...server.facts(), snapshot, now: Date.now() }
  return {
    server,
    port: server.ports.http ?? 0,
    tokenOf: (machine, purpose) => {
      const token = snapshot.tokens.get(machine)?.find((one) => one.purpose === purpose)
      return token?.secret ?? assert.fail(`${machine} has no token for ${purpose}`)
    },
    paths: ['xen1', 'kvm1'].flatMap((machine) =>
      artefactsOf(context, machine).map(({ artefact: { name }, path }) => ({ name, path: `/${path}`, machine })),
    ),
    people: [
      { Authorization: `Bearer ${await site.token('admin', 'admin')}` },
      { Cookie: cookieOf(await site.session('admin')) },
    ],
  }
}

describe('each artefact of the catalogue', () => {
  test('is in this file’s table, and is asked for below', async (t) => {
    const { paths } = await open(t)
    assert.deepEqual(
      catalogue.map(({ name }) => name),
      Object.keys(expected),
    )
    assert.deepEqual(new Set(paths.map(({ name }) => name)), new Set(Object.keys(expected)))
  })

  test('goes to its machine, as its kind says: with nothing, with the install’s token, with the machine’s', async (t) => {
    const { port, paths, tokenOf } = await open(t)
    for (const { name, path, machine } of paths) {
      const from = addresses[machine] ?? ''
      const own = expected[name] ?? assert.fail(name)
      const got = {
        nothing: (await ask(port, path, { from })).status,
        install: (await ask(port, path, { from, ...bearer(tokenOf(machine, 'install')) })).status,
        machine: (await ask(port, path, { from, ...bearer(tokenOf(machine, 'machine')) })).status,
      }
      assert.deepEqual(got, own, path)
    }
  })

  test('goes to nobody else: not with another machine’s tokens, not with the right one from elsewhere', async (t) => {
    const { port, paths, tokenOf } = await open(t)
    for (const { name, path, machine } of paths) {
      const elsewhere = [
        { from: '127.0.0.99' },
        { from: '127.0.0.99', ...bearer(tokenOf(machine, 'install')) },
        { from: addresses['other'] ?? '', ...bearer(tokenOf('other', 'install')) },
        { from: addresses['other'] ?? '', ...bearer(tokenOf(machine, 'machine')) },
        ...['X-Forwarded-For', 'X-Real-IP', 'Forwarded'].map((header) => ({
          from: '127.0.0.99',
          headers: { [header]: addresses[machine] ?? '', Authorization: `Bearer ${tokenOf(machine, 'install')}` },
        })),
      ]
      for (const one of elsewhere) assert.equal((await ask(port, path, one)).status, 403, `${path} ${one.from}`)
      if (expected[name] === byAddress) continue
      const from = addresses[machine] ?? ''
      for (const secret of [tokenOf('other', 'install'), tokenOf('guest1', 'install').slice(1), '', 'null']) {
        const { status, text } = await ask(port, path, { from, ...bearer(secret) })
        assert.deepEqual([status, names.some((one) => text.includes(tokenOf(one, 'install')))], [403, false], path)
      }
    }
  })

  test('is not opened by what opens the administration side: no user’s token, no session', async (t) => {
    const { port, paths, people } = await open(t)
    for (const { name, path, machine } of paths)
      for (const headers of people) {
        assert.equal((await ask(port, path, { from: '127.0.0.99', headers })).status, 403, path)
        const { status } = await ask(port, path, { from: addresses[machine] ?? '', headers })
        assert.equal(status, expected[name]?.nothing, path)
      }
  })
})

describe('what anybody gets there', () => {
  test('is health, figures, reports and the one way to all that is fetched, and nothing beside', (t) => {
    const routes = openHttpDoor(t).app.router.stack.map(({ route, name }) =>
      route === undefined
        ? name
        : `${route.stack.map(({ method }) => method).find((one) => one) ?? 'all'} ${route.path}`,
    )
    assert.deepEqual(routes, ['get /healthz', 'get /metrics', 'post /events/:hostname', '<anonymous>', '<anonymous>'])
  })

  test('names no machine and has no token in it', async (t) => {
    const { port, tokenOf } = await open(t)
    for (const path of [
      '/',
      '/healthz',
      '/metrics',
      '/nothing',
      '/pxelinux.cfg/default',
      '/grub/grub.cfg',
      '/boot.ipxe',
    ]) {
      const { text } = await ask(port, path, { from: '127.0.0.99' })
      for (const name of names) {
        assert.ok(!text.includes(name), `${path} names ${name}`)
        assert.ok(!text.includes(tokenOf(name, 'install')) && !text.includes(tokenOf(name, 'machine')), path)
      }
    }
  })

  test('a report takes the machine’s token: a user’s, a session, another machine’s and none are a 403 each', async (t) => {
    const { port, tokenOf, people, server } = await open(t)
    const report = (headers: Readonly<Record<string, string>>, from = '127.0.0.11') =>
      ask(port, '/events/xen1?stage=installed', { from, method: 'POST', headers })
    const sent = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': '0' }
    for (const headers of [{}, ...people, bearer(tokenOf('other', 'install')).headers])
      assert.ok([400, 403].includes((await report({ ...sent, ...headers })).status))
    assert.equal(server.live.snapshot().machines.get('xen1')?.boot, 'install')
  })
})

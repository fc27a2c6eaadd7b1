// What machines report over HTTP, from their own addresses, and what becomes of it.
import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { Store } from '../../server/inventory/store/open.ts'
import { readConsoles, readEvents, readHeardAt } from '../../server/inventory/store/read.ts'
import { recordArming, recordEdits } from '../../server/inventory/store/record.ts'
import type { RunningServer } from '../../server/serve/server.ts'
import { readBootStates } from '../../server/serve/states.ts'
import { sqliteStore, startServer } from '../fixtures.ts'

const inventory = `
networks: {lab: {cidr: 127.0.0.0/8}}
profiles: {xen: {hypervisor: xen}, p: {}}
machines:
  dom0: {profile: xen, interfaces: {eth0: {mac: 02:00:00:00:00:01, ip: 127.0.0.11, network: lab, bridge: xenbr0}}}
  other: {profile: xen, interfaces: {eth0: {mac: 02:00:00:00:00:02, ip: 127.0.0.12, network: lab, bridge: xenbr0}}}
  guest: {profile: p, dom0: dom0, vdisk: /dev/sda5, memory_mib: 512, interfaces: {eth0: {ip: 127.0.0.21, network: lab}}}
`
const addressOf = { dom0: '127.0.0.11', other: '127.0.0.12', guest: '127.0.0.21' } as const
type Host = keyof typeof addressOf

type Farm = Readonly<{
  store: Store
  server: RunningServer
  secret: (host: Host, purpose: 'install' | 'machine') => string
  /** Posts a form about `about`, from that host's address. */
  post: (about: Host, from: Host, token: string, fields: Readonly<Record<string, string>>) => Promise<string>
}>

async function openFarm(t: TestContext): Promise<Farm> {
  const store = await sqliteStore(t, inventory)
  const server = await startServer(t, store, { verifyAddress: true, dhcpPort: null, tftpPort: null })
  await arm(store, server)
  return {
    store,
    server,
    secret: (host, purpose) => {
      const found = server.live
        .snapshot()
        .tokens.get(host)
        ?.find((token) => token.purpose === purpose)
      assert.ok(found)
      return found.secret
    },
    post: (about, from, token, fields) =>
      new Promise((resolve, reject) => {
        const sent = httpRequest(
          {
            host: '127.0.0.1',
            port: server.ports.http ?? 0,
            path: `/events/${about}`,
            method: 'POST',
            localAddress: addressOf[from],
            agent: false,
            headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-www-form-urlencoded' },
          },
          (response) => {
            let text = ''
            response.on('data', (part: Buffer) => (text += part.toString()))
            response.on('end', () => resolve(`${response.statusCode ?? 0} ${text.trimEnd()}`))
          },
        )
        sent.on('error', reject)
        sent.end(new URLSearchParams(fields).toString())
      }),
  }
}

async function arm(store: Store, server: RunningServer): Promise<void> {
  await recordArming(store, ['dom0', 'other', 'guest'], {
    who: 'test',
    now: Date.now(),
    expiresAt: Date.now() + 3_600_000,
  })
  await server.live.catchUp()
}

async function eventsOf({ store, server }: Farm, host: Host): Promise<readonly string[]> {
  await server.live.catchUp()
  return (await readEvents(store, host, 100)).map(
    ({ stage, progress, detail, door, peer }) => `${stage} ${progress ?? '-'} ${detail ?? '-'} ${door} ${peer ?? '-'}`,
  )
}

describe('a Dom0 reports for its guest', () => {
  test('how its install goes, from its own address; the door says that it was the Dom0', async (t) => {
    const farm = await openFarm(t)
    const token = farm.secret('dom0', 'machine')
    for (const stage of ['installing', 'failed', 'ready'])
      assert.equal(await farm.post('guest', 'dom0', token, { stage, progress: '7', detail: 'by dom0' }), '202 noted')
    assert.deepEqual((await eventsOf(farm, 'guest')).slice(1), [
      'installing 7 by dom0 dom0 127.0.0.11',
      'failed 7 by dom0 dom0 127.0.0.11',
      'ready 7 by dom0 dom0 127.0.0.11',
    ])
  })

  test('but not that it is installed: that needs the guest’s own install token', async (t) => {
    const farm = await openFarm(t)
    const refused = await farm.post('guest', 'dom0', farm.secret('dom0', 'machine'), { stage: 'installed' })
    assert.match(
      refused,
      /^403 dom0 reports installing, failed, ready of its guest guest; installed is for guest itself/,
    )
    assert.match(
      await farm.post('guest', 'guest', farm.secret('guest', 'install'), { stage: 'installed', console: 'the end' }),
      /^200 guest boots from its disk/,
    )
    await farm.server.live.catchUp()
    assert.equal((await readConsoles(farm.store, ['guest'])).get('guest')?.tail, 'the end')
  })

  test('not from another address, not for a Dom0 that is none of its guests, not after the guest has moved', async (t) => {
    const farm = await openFarm(t)
    const token = farm.secret('dom0', 'machine')
    const installing = { stage: 'installing' }
    assert.match(await farm.post('guest', 'guest', token, installing), /^403 127\.0\.0\.21 is not an address of dom0/)
    assert.match(await farm.post('other', 'dom0', token, installing), /^403 127\.0\.0\.11 is not an address of other/)
    const guest = farm.server.live.snapshot().machines.get('guest')
    assert.ok(guest)
    await recordEdits(farm.store, [{ kind: 'put', table: 'machines', row: { ...guest, dom0: 'other' } }], 'test')
    await farm.server.live.catchUp()
    assert.match(
      await farm.post('guest', 'dom0', token, installing),
      /^403 127\.0\.0\.11 is not an address of guest .*; of others only its Dom0, other, reports about it \(on one that it left: xenconf\)$/,
    )
    assert.equal(await farm.post('guest', 'other', farm.secret('other', 'machine'), installing), '202 noted')
  })
})

describe('a console', () => {
  test('a report every half minute for hours: one event for what it says, the newest console, and the machine is alive', async (t) => {
    const farm = await openFarm(t)
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
    const token = farm.secret('dom0', 'machine')
    const start = Date.now()
    for (let report = 1; report <= 240; report++) {
      t.mock.timers.setTime(start + report * 30_000)
      const fields = { stage: 'installing', progress: String(report <= 120 ? 40 : 50), console: `line ${report}\r\n` }
      assert.equal(await farm.post('guest', 'dom0', token, fields), '202 noted')
    }
    assert.equal((await eventsOf(farm, 'guest')).length, 3, 'armed, and two steps of progress')
    assert.equal((await readConsoles(farm.store, ['guest'])).get('guest')?.tail, 'line 240\n')
    const snapshot = farm.server.live.snapshot()
    const stateAfter = async (minutes: number) => {
      const now = start + 120 * 60_000 + minutes * 60_000
      return (await readBootStates(farm.store, snapshot, ['guest'], { now, stallMinutes: 30 })).get('guest')
    }
    assert.deepEqual([(await stateAfter(30))?.state, (await stateAfter(31))?.state], ['installing', 'stalled'])
    assert.equal((await stateAfter(0))?.lastSeen, new Date(start + 240 * 30_000).toISOString())
  })

  test('a repeated report without one is a sign of life too, and leaves the console that is there', async (t) => {
    const farm = await openFarm(t)
    const token = farm.secret('guest', 'install')
    await farm.post('guest', 'guest', token, { stage: 'failed', detail: 'no disk', console: 'what went before' })
    await farm.post('guest', 'guest', token, { stage: 'failed', detail: 'no disk' })
    assert.deepEqual((await eventsOf(farm, 'guest')).slice(1), ['failed - no disk http 127.0.0.21'])
    const [event] = (await readEvents(farm.store, 'guest', 1)).toReversed()
    assert.equal((await readConsoles(farm.store, ['guest'])).get('guest')?.tail, 'what went before')
    assert.ok(((await readHeardAt(farm.store, ['guest'])).get('guest') ?? '') > (event?.at ?? ''))
  })

  test('the same failure after another arming is an event again: the machine is not armed for ever', async (t) => {
    const farm = await openFarm(t)
    const failed = { stage: 'failed', detail: 'its installer does not start' }
    const report = (): Promise<string> => farm.post('guest', 'dom0', farm.secret('dom0', 'machine'), failed)
    await report()
    await new Promise((resolve) => setTimeout(resolve, 5)) // events of one millisecond have no order
    await recordArming(farm.store, ['guest'], { who: 'test', now: Date.now(), expiresAt: Date.now() + 3_600_000 })
    await farm.server.live.catchUp()
    await report()
    assert.deepEqual(
      (await eventsOf(farm, 'guest')).map((line) => line.split(' ')[0]),
      ['armed', 'failed', 'armed', 'failed'],
    )
  })

  test('DESIGN §7: tokens of the guest and its Dom0 are taken out of it; 16 KiB of percent-encoded UTF-8 are taken in', async (t) => {
    const farm = await openFarm(t)
    const [own, dom0s] = [farm.secret('guest', 'install'), farm.secret('dom0', 'machine')]
    const console = `\u001b[32m${'ü'.repeat(16_384)}\ntoken=${own} ${dom0s}\u001b[0m`
    const detail = 'é'.repeat(16_384)
    assert.equal(await farm.post('guest', 'dom0', dom0s, { stage: 'failed', detail, console }), '202 noted')
    await farm.server.live.catchUp()
    const tail = (await readConsoles(farm.store, ['guest'])).get('guest')?.tail ?? ''
    assert.deepEqual([tail.length, tail.slice(-23)], [16_384, 'ü\ntoken=(token) (token)'])
  })
})

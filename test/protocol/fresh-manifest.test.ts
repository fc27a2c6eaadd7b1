// A Dom0's manifest is made of what was committed before it was asked for, however long the server waits between two looks.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { TestContext } from 'node:test'
import { sql } from 'kysely'
import { migrateStore } from '../../server/inventory/store/migrations.ts'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import { recordArming } from '../../server/inventory/store/record.ts'
import type { RunningServer } from '../../server/serve/server.ts'
import { countingStore, fillStore, startServer } from '../fixtures.ts'
import type { MariaDb } from '../mariadb.ts'
import { startMariaDb } from '../mariadb.ts'

const inventory = `
networks: {lab: {cidr: 127.0.0.0/8}}
images: {el9: {arch: x86_64, kernel: vmlinuz, initrd: initrd.img, tree_url: repo/el9}}
profiles:
  dom0: {family: el, version: "9", template: plain.ks, image: el9, hypervisor: xen}
  guest: {family: el, version: "9", template: plain.ks, image: el9, guest_type: pvh}
machines:
  lab1: {profile: dom0, disk: sda, interfaces: {eth0: {mac: 02:00:00:00:00:01, ip: 127.0.0.11, network: lab, bridge: br0}}}
  lab2: {profile: guest, dom0: lab1, vdisk: /dev/vg0/lab2, vcpus: 1, memory_mib: 512, interfaces: {eth0: {mac: 02:00:00:00:00:02, ip: 127.0.0.12, network: lab}}}
`
const templates = { sources: new Map([['plain.ks', 'text\n']]), names: new Set(['plain.ks']) }

let mariadb: MariaDb
before(async () => {
  mariadb = await startMariaDb()
})
after(() => mariadb.stop())

let databases = 0

type Lab = Readonly<{
  server: RunningServer
  /** What the Dom0 pulls. */
  pull: (path: string) => Promise<string>
  /** What an administrator's command does, over a connection of its own. */
  setMemory: (mib: number) => Promise<void>
  /** Statements that the server has sent. */
  statements: () => number
}>

/** A server that looks for changes once a minute by itself. */
async function openLab(t: TestContext): Promise<Lab> {
  const at = mariadb.newDatabase(`fresh${++databases}`)
  const [counted, other] = [countingStore(openStore(at)), openStore(at)]
  t.after(() => closeStore(counted.store))
  t.after(() => closeStore(other))
  await migrateStore(other)
  await fillStore(other, inventory)
  await recordArming(other, ['lab1'], { who: 'test', now: Date.now(), expiresAt: Date.now() + 600_000 })
  const server = await startServer(t, counted.store, { templates, pollMs: 60_000, tftpPort: null, dhcpPort: null })
  const secret = server.live
    .snapshot()
    .tokens.get('lab1')
    ?.find(({ purpose }) => purpose === 'machine')?.secret
  return {
    server,
    pull: async (path) => {
      const url = `http://127.0.0.1:${server.ports.http ?? 0}/dom0/lab1/${path}`
      const response = await fetch(url, { headers: { authorization: `Bearer ${secret ?? ''}` } })
      assert.equal(response.status, 200)
      return response.text()
    },
    setMemory: async (mib) => {
      await sql`UPDATE machines SET memory_mib = ${mib} WHERE hostname = 'lab2'`.execute(other.db)
    },
    statements: counted.statements,
  }
}

test('a row is set, the manifest asked for at once: it is the new one, and so are the files that it names', async (t) => {
  const { pull, setMemory } = await openLab(t)
  const before = await pull('manifest')
  for (const mib of [208, 304]) {
    await setMemory(mib)
    assert.notEqual(await pull('manifest'), before)
    assert.match(await pull('xen/lab2'), new RegExp(`^memory = ${mib}$`, 'm'))
  }
  await setMemory(512)
  assert.equal(await pull('manifest'), before)
})

test('two hundred Dom0s that ask at once are told the same, and it is the new', async (t) => {
  const { pull, setMemory } = await openLab(t)
  const before = await pull('manifest')
  await setMemory(208)
  const manifests = new Set(await Promise.all(Array.from({ length: 200 }, () => pull('manifest'))))
  assert.equal(manifests.size, 1)
  assert.equal(manifests.has(before), false)
})

test('a database that hangs keeps nobody waiting for long: the last snapshot answers, and the change comes when it goes on', async (t) => {
  const { server, pull, setMemory } = await openLab(t)
  const before = await pull('manifest')
  await setMemory(208)
  mariadb.pause()
  try {
    const asked = performance.now()
    assert.equal(await pull('manifest'), before)
    t.diagnostic(`answered after ${Math.round(performance.now() - asked)} ms`)
  } finally {
    mariadb.resume()
  }
  await server.live.catchUp()
  assert.notEqual(await pull('manifest'), before)
})

test('a database that is known to be away is not asked', async (t) => {
  const { server, pull, statements } = await openLab(t)
  const before = await pull('manifest')
  await mariadb.kill()
  t.after(() => mariadb.start())
  await server.live.catchUp()
  assert.equal(server.live.health().ok, false)
  const earlier = statements()
  assert.equal(await pull('manifest'), before)
  assert.equal(statements(), earlier)
})

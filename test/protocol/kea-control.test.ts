// DESIGN §4: "validates with the daemon's own checker before it publishes", and a running Kea is told by its control socket.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadTemplates, knownTemplates } from '../../server/cli/templates.ts'
import type { Snapshot } from '../../server/inventory/snapshot.ts'
import { templateEngine } from '../../server/render/templates.ts'
import type { Generated, Place } from '../../server/serve/generate.ts'
import { generate } from '../../server/serve/generate.ts'
import { listGenerations } from '../../server/serve/disk/rollback.ts'
import { ended, serverAddress } from '../boot/network.ts'
import { address, snapshotOf, temporaryFolder } from '../fixtures.ts'
import { daemonPrograms, openLab, relayedRequest, relays } from './daemons-lab.ts'

const farm = (...machines: readonly number[]): Snapshot =>
  snapshotOf(`
networks: {remote: {cidr: 10.7.0.0/16, gateway: 10.7.0.1, relay: 203.0.113.9}}
profiles: {metal: {}}
machines:
${machines.map((n) => `  node${n}: {profile: metal, interfaces: {eth0: {mac: 00:00:5e:00:53:0${n}, ip: 10.7.0.1${n}, network: remote}}}`).join('\n')}
`)

const sources = loadTemplates(null)
const picture = (snapshot: Snapshot) => ({
  snapshot,
  inventory: 'test',
  server: { advertise: address(serverAddress), addresses: [], httpPort: 8080 },
  known: knownTemplates(sources),
  now: Date.parse('2096-11-23T12:00:00Z'),
  engine: templateEngine(sources),
  loaders: [],
  imagesFolder: '/nonexistent',
})

/** A site's own main file, with what Kea's JSON allows and JSON does not. */
const siteMain = (folder: string, socket: string, own = ''): string => `# the site's own
{ "Dhcp4": { // Kea 2.2
  "interfaces-config": { "interfaces": [ "*" ], "re-detect": true, }, /* every
    interface */
  "lease-database": { "type": "memfile", "persist": false },
  "control-socket": { "socket-type": "unix", "socket-name": "${socket}" },
  "early-global-reservations-lookup": true,
  "client-classes": [ <?include "${folder}/current/client-classes.json"?> ],
  ${own}
  "subnet4": [ <?include "${folder}/current/subnets.json"?> ],
  "reservations": [ <?include "${folder}/current/reservations.json"?> ],
} }
`

function site(t: TestContext) {
  const state = temporaryFolder(t)
  const socket = join(state, 'kea4-ctrl-socket')
  const folder = join(state, 'bootstead')
  const main = join(state, 'main')
  writeFileSync(main, siteMain(folder, socket))
  const place: Place = { folder, main, check: true, reload: null, restart: null, controlSocket: socket }
  const publish = (snapshot: Snapshot): Promise<Generated> =>
    generate('kea', place, picture(snapshot), { past: () => Promise.resolve(null), verify: false, isTold: true })
  return { state, socket, folder, main, publish }
}

describe('a Kea with a control socket', () => {
  let lab: Awaited<ReturnType<typeof openLab>>
  before(async () => {
    lab = await openLab()
  })
  after(() => lab.close())

  /** @param wrap a command that runs the daemon */
  async function start(t: TestContext, state: string, wrap: readonly string[] = []): Promise<() => Promise<void>> {
    const { argv, up } = daemonPrograms.kea
    const [command = '', ...args] = [...wrap, ...argv(state)]
    const child = lab.network.spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    t.after(() => ended(child))
    let log = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (log += chunk.toString()))
    for (let waited = 0; !up.test(log); waited += 20) {
      if (child.exitCode !== null || waited > 20_000) throw new Error(`kea does not start:\n${log}`)
      await sleep(20)
    }
    return () => ended(child)
  }

  async function offered(n: number): Promise<string | null> {
    const offer = await lab.ask(relayedRequest('DISCOVER', `00:00:5e:00:53:0${n}`, relays.outside), 1000)
    return offer?.yiaddr ?? null
  }

  test('is told of what was published while it was down as soon as it is up; then each change is in force at once', async (t) => {
    const { state, folder, publish } = site(t)
    const first = await publish(farm(1))
    assert.ok(first.publication.kind === 'published')
    assert.match(first.publication.note ?? '', /^config-test was left out: .*no such socket; start Kea/)
    assert.ok(first.reload.kind === 'ran' && !first.reload.ok)
    assert.match(first.reload.how, /kea4-ctrl-socket: no such socket; start Kea/)

    await start(t, state)
    const owed = await publish(farm(1))
    assert.equal(owed.publication.kind, 'unchanged')
    assert.ok(owed.reload.kind === 'ran' && owed.reload.ok)
    assert.match(owed.reload.output, /^Configuration successful\.\n/)
    assert.equal(await offered(1), '10.7.0.11')
    assert.equal(await offered(2), null)

    const second = await publish(farm(1, 2))
    assert.ok(second.publication.kind === 'published' && second.publication.note === null)
    assert.ok(second.reload.kind === 'ran' && second.reload.ok)
    assert.equal(await offered(2), '10.7.0.12')

    assert.equal((await publish(farm(1, 2))).reload.kind, 'not owed')
    const [latest] = await listGenerations({ folder, swap: 'folder', check: null })
    assert.equal(latest?.reload?.how, 'config-reload')
  })

  test('refuses what only it can know to be wrong: nothing is published, and it goes on as it was', async (t) => {
    const { state, socket, folder, main, publish } = site(t)
    await publish(farm(1))
    // It has no hook libraries; the kea-dhcp4 that is installed beside us has.
    const [hooks = ''] = readdirSync('/usr/lib').flatMap((name) => {
      const folder = join('/usr/lib', name, 'kea/hooks')
      return existsSync(folder) ? [folder] : []
    })
    const library = join(hooks, 'libdhcp_flex_option.so')
    const mask = `mount -t tmpfs none ${hooks} && exec "$@"`
    await start(t, state, ['unshare', '--mount', 'sh', '-c', mask, 'kea'])
    const hook = `"hooks-libraries": [ { "library": "${library}", "parameters": { "options": [ ] } } ],`
    writeFileSync(main, siteMain(folder, socket, hook))
    const { publication, reload } = await publish(farm(1, 2))
    assert.ok(publication.kind === 'refused')
    assert.match(
      publication.output,
      /^hooks libraries failed to validate .*\(\S+\/main:9:\d+\)\n\S+ config-test: refused\n$/,
    )
    assert.equal(reload.kind, 'not owed')
    assert.equal(await offered(1), '10.7.0.11')
    assert.equal(await offered(2), null)

    writeFileSync(main, siteMain(folder, socket))
    assert.equal((await publish(farm(1, 2))).publication.kind, 'published')
    assert.equal(await offered(2), '10.7.0.12')
  })

  test('decides alone where no kea-dhcp4 is installed, and names file, line and machine', async (t) => {
    const { state, socket, folder, main, publish } = site(t)
    await publish(farm(1))
    const stop = await start(t, state)
    const path = process.env['PATH'] ?? ''
    const programs = temporaryFolder(t)
    symlinkSync('/usr/bin/sync', join(programs, 'sync'))
    process.env['PATH'] = programs
    t.after(() => (process.env['PATH'] = path))

    const added = await publish(farm(1, 2))
    assert.ok(added.publication.kind === 'published' && added.publication.note === null)
    assert.equal(await offered(2), '10.7.0.12')

    const reserved = '{ "id": 7, "subnet": "198.51.100.0/24" },'
    writeFileSync(main, siteMain(folder, socket).replace('"subnet4": [', `"subnet4": [ ${reserved} ${reserved}`))
    const twice = await publish(farm(1, 2, 3))
    assert.ok(twice.publication.kind === 'refused')
    assert.match(twice.publication.output, /ID of the new IPv4 subnet '7' is already in use/)

    const taken = '{ "hw-address": "00:00:5e:00:53:99", "ip-address": "10.7.0.13" },'
    writeFileSync(main, siteMain(folder, socket).replace('"reservations": [', `"reservations": [ ${taken}`))
    const named = await publish(farm(1, 2, 3))
    assert.ok(named.publication.kind === 'refused')
    assert.deepEqual(
      named.publication.blamed.map(({ path, machine }) => ({ path, machine })),
      [{ path: null, machine: 'node3' }],
    )

    writeFileSync(main, `${siteMain(folder, socket)}}`)
    const unpaired = await publish(farm(1, 2, 3))
    assert.ok(unpaired.publication.kind === 'refused')
    assert.match(unpaired.publication.output, /\/main line \d+: \} closes nothing that is open/)

    writeFileSync(main, siteMain(folder, socket))
    await stop()
    await assert.rejects(publish(farm(1, 2, 3)), /no program kea-dhcp4: apt-get install kea-dhcp4-server/)
  })
})

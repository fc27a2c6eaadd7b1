// Machines and clients at sites that keep their DHCP and TFTP daemons: what `bootstead generate` writes, as they read it.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parse } from 'yaml'
import type { DaemonName } from '../../server/render/targets.ts'
import { requirePrograms } from '../protocol/daemons-lab.ts'
import { commandOf, fillInventory, fillState, serveBootstead, type Bootstead, type Setup } from './bootstead.ts'
import { openClient, type Client, type DhcpProgram, type Lease } from './client.ts'
import { buildInitramfs } from './initramfs.ts'
import { makeDisk, startMachine, type Firmware, type Machine } from './machine.ts'
import { openNetwork, type Network } from './network.ts'
import { requireHostFiles, unpackDebian } from './packages.ts'
import { ntpServer, openSite, pool, until, type Site } from './site.ts'
import { changedPaths, stampsOf } from './stamps.ts'

interface Way {
  readonly daemon: DaemonName
  readonly site: string
  /** One that installs, and how it boots then. */
  readonly host: string
  readonly firmware: Firmware
  readonly loader: RegExp
  /** What it boots its disk by. */
  readonly later: Firmware
  /** Who generates again when it has installed. */
  readonly by: 'command' | 'server'
  /** How the daemon is told of other hosts, and of a new network. */
  readonly told: Readonly<{ hosts: string; networks: string }>
}

const ways: readonly Way[] = [
  {
    daemon: 'isc',
    site: 'ISC dhcpd and tftpd-hpa',
    host: 'grub',
    firmware: 'uefi',
    loader: /Welcome to GRUB/,
    later: 'uefi',
    by: 'command',
    told: { hosts: 'TERM', networks: 'TERM' },
  },
  {
    daemon: 'kea',
    site: 'Kea and tftpd-hpa',
    host: 'pxelinux',
    firmware: 'bios',
    loader: /PXELINUX 6/,
    later: 'bios',
    by: 'server',
    told: { hosts: 'config-reload', networks: 'config-reload' },
  },
  {
    daemon: 'dnsmasq',
    site: 'dnsmasq for DHCP and TFTP',
    host: 'http', // its loader is set to be iPXE: over TFTP, then over HTTP
    firmware: 'uefi',
    loader: /ipxe\/boot\.ipxe/,
    later: 'uefi-http',
    by: 'command',
    told: { hosts: 'HUP', networks: 'TERM' },
  },
]

/** Real clients, in the name of machines that are armed all along. */
const asks: readonly Readonly<{ program: DhcpProgram; host: string; architecture: number }>[] = [
  { program: 'udhcpc', host: 'ipxe', architecture: 0 },
  { program: 'dhclient', host: 'secure', architecture: 7 },
]

/** What a machine gets on its way to its installer. */
interface Served {
  readonly lease: Lease
  /** By path. */
  readonly menus: Readonly<Record<string, string>>
  readonly kickstartUrl: string
  readonly kickstart: string
}

const samples = join(import.meta.dirname, '../../samples')
const lab = parse(await readFile(join(samples, 'boot-lab.yaml'), 'utf8')) as Readonly<{
  machines: Readonly<Record<string, Readonly<{ interfaces: Readonly<Record<string, Readonly<{ mac: string }>>> }>>>
}>
const macOf = (host: string): string =>
  Object.values(lab.machines[host]?.interfaces ?? {})[0]?.mac ?? assert.fail(`${host} has no interface`)

let network: Network
let client: Client
let setup: Setup
let server: Bootstead
/** By host, from our own doors. */
const own = new Map<string, Served>()
const closers: (() => Promise<unknown>)[] = []

before(async () => {
  requirePrograms()
  requireHostFiles([
    { file: 'tftp', debian: 'tftp-hpa' },
    { file: 'dhclient', debian: 'isc-dhcp-client' },
    { file: 'grub-script-check', debian: 'grub-common' },
  ])
  const debian = await unpackDebian()
  const state = await mkdtemp(join(tmpdir(), 'bootstead-daemons-'))
  closers.push(() => rm(state, { recursive: true }))
  await fillState(state, {})
  setup = { inventory: `sqlite:${join(state, 'inventory.sqlite')}`, state }
  const declared = join(state, 'declared.yaml')
  await writeFile(declared, 'site: {declared_subnets: [farm, lab]}\n')
  await fillInventory(setup, [join(samples, 'farm.yaml'), join(samples, 'boot-lab.yaml'), declared])
  const bootstead = commandOf(setup)
  for (const fetcher of ['curl', 'wget'] as const) {
    const installer = ['--kernel', debian.vmlinuz, '--initrd', await buildInitramfs(debian, fetcher)]
    await bootstead('image', 'add', `lab-${fetcher}`, ...installer)
  }
  await bootstead('machine', 'set', 'http', 'params.loader=ipxe')
  await bootstead('install', ...[...asks, ...ways].map(({ host }) => host))
  network = await openNetwork()
  closers.push(network.close)
  client = await openClient(network)
  closers.push(client.close)
  server = await serveBootstead(network, setup)
  closers.push(() => server.stop())
  for (const { program, host, architecture } of asks) own.set(host, await servedTo(program, host, architecture))
  for (const { host } of ways) own.set(host, await servedTo('udhcpc', host, 0))
  await serveBesideDaemons(setup)
  process.umask(0o077) // what is published is for others to read all the same
})

after(async () => {
  for (const close of closers.toReversed()) await close()
})

/** In place of the server before. */
const serveBesideDaemons = async (with_: Setup, ...flags: readonly string[]): Promise<void> => {
  await server.stop()
  server = await serveBootstead(network, with_, ['--no-dhcp', '--no-tftp', ...flags])
}

const servedTo = async (program: DhcpProgram, host: string, architecture: number): Promise<Served> => {
  const mac = macOf(host)
  const lease = await client.join(program, mac, architecture)
  const menus: Record<string, string> = {}
  for (const path of menuPaths(mac)) menus[path] = (await client.tftp(path)).toString()
  const [kickstartUrl = assert.fail(`no menu of ${host} has a kickstart`)] =
    /http:\/\/\S*\/ks\/\S*/.exec(Object.values(menus).join('\n')) ?? []
  const kickstart = await client.http(kickstartUrl)
  await client.leave()
  return { lease, menus, kickstartUrl, kickstart }
}

/** Sorted. */
const menuPaths = (mac: string): readonly string[] => {
  const name = `01-${mac.replaceAll(':', '-')}`
  return [`grub/grub.cfg-${name}`, `ipxe/${mac}.ipxe`, `pxelinux.cfg/${name}`]
}

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex')

for (const [number, { daemon, site: title, host, firmware, loader, later, by, told }] of ways.entries())
  describe(`${title}, as a site has them`, () => {
    let site: Site
    const siteSetup = (): Setup => ({ ...setup, config: site.config })
    const bootstead: Bootstead['command'] = (...words) => commandOf(siteSetup(), network)(...words)
    const generate = async (...flags: readonly string[]) =>
      JSON.parse(await bootstead('generate', '--json', ...flags)) as readonly Readonly<{
        target: string
        kind: string
      }>[]

    before(async () => {
      site = await openSite(network, daemon)
      const published = await generate('--no-reload') // its daemon is not there yet
      assert.deepEqual(
        published.map(({ target, kind }) => [target, kind]),
        [daemon, 'tftpboot'].map((target) => [target, 'published']),
      )
      await site.start()
    })
    after(() => site.close())

    for (const { program, host: asking, architecture } of asks)
      test(`${program} gets the lease, the menus and the kickstart that our own doors give`, async () => {
        const expected = own.get(asking) ?? assert.fail(asking)
        const lease = { ...expected.lease, ntp: ntpServer } // the inventory has none, the site's own configuration has
        assert.deepEqual(await servedTo(program, asking, architecture), { ...expected, lease })
      })

    test('every file of the TFTP root is served as it is', async () => {
      const paths = [...(await stampsOf(site.tftpboot)).keys()].sort()
      assert.ok(paths.includes(`images/lab-curl/vmlinuz`) && paths.includes(`ipxe/${macOf('ipxe')}.ipxe`))
      await client.join('udhcpc', macOf('ipxe'), 0)
      const fetched = await client.tftpAll(paths)
      await client.leave()
      for (const [index, path] of paths.entries())
        assert.equal(sha256(fetched[index] ?? ''), sha256(await readFile(join(site.tftpboot, path))), path)
    })

    test('what its checker refuses is not published, and the daemon is left alone, though a reload is owed', async () => {
      const card = `eth0,mac=02:00:00:00:01:0${number},ip=192.0.2.23${number},network=lab`
      await bootstead('machine', 'add', `early${number}`, 'profile=lab-el9', 'disk=vda', '--interface', card)
      const published = await stampsOf(site.published)
      const main = await readFile(site.main, 'utf8')
      await writeFile(site.main, `${main}no such statement\n`)
      await assert.rejects(generate(), /refuses the new configuration/)
      assert.deepEqual(await stampsOf(site.published), published)
      assert.deepEqual(await site.told(), [])
      await writeFile(site.main, main)
      await generate()
      assert.notDeepEqual(await stampsOf(site.published), published)
      assert.equal((await site.told()).length, 1)
    })

    test(`a machine (${firmware}) installs from the kickstart of our own doors, and boots its disk (${later}) once the ${by} has generated that`, async (t) => {
      const hardware = { mac: macOf(host), disk: await makeDisk(`daemons-${host}`), tap: await network.addTap() }
      const expected = own.get(host) ?? assert.fail(host)
      let running: Machine | undefined
      t.after(() => running?.stop())
      if (by === 'server') {
        await serveBesideDaemons(siteSetup(), '--regenerate', '1')
        t.after(() => serveBesideDaemons(setup))
      }
      const first = (running = await startMachine(network, { name: `daemons-${host}-1`, firmware, ...hardware }))
      await first.waitFor(loader)
      const kickstart = await first.waitFor(/INSTALLER: kickstart has/)
      assert.ok(kickstart.endsWith(sha256(expected.kickstart)), kickstart)
      await first.waitFor(/INSTALLER: done, rebooting/, { never: /REFUSED|INSTALLER: .*(refused|failed)/ })
      await first.cutPower()

      if (by === 'command') {
        await client.join('udhcpc', hardware.mac, 0)
        await assert.rejects(client.http(expected.kickstartUrl), /403/) // the menu that is published has it still
        await client.leave()
        await generate()
      }
      const [menu = ''] = menuPaths(macOf(host))
      await until(async () => (await readFile(join(site.tftpboot, menu), 'utf8')).includes('boot is local'))
      const second = (running = await startMachine(network, {
        name: `daemons-${host}-2`,
        firmware: later,
        ...hardware,
      }))
      await second.waitFor(new RegExp(`BOOTED-FROM-DISK ${host}\\b`), { never: /INSTALLER/ })
      await second.off()
      const timeline = JSON.parse(await bootstead('timeline', host, '--json')) as readonly Readonly<{ stage: string }>[]
      const stages = timeline.map(({ stage }) => stage).filter((stage) => /install|failed|stalled/.test(stage))
      assert.deepEqual(stages, ['installing', 'installed'])
    })

    test('a new machine and a moved one: their files are written, the daemon is told once, and gives what is new', async () => {
      const [moved, mac, ip] = [`192.0.2.21${number}`, `02:00:00:00:00:0${number}`, `192.0.2.22${number}`]
      assert.match((await client.join('udhcpc', mac, 0)).address, pool) // a stranger until now
      assert.notEqual((await client.join('udhcpc', macOf('wrong-disk'), 0)).address, moved) // and there is a lease
      await bootstead('machine', 'set', 'wrong-disk', `interface.eth0.ip=${moved}`)
      const card = `eth0,mac=${mac},ip=${ip},network=lab`
      await bootstead('machine', 'add', `new${number}`, 'profile=lab-el9', 'disk=vda', '--interface', card)
      const [published, tftpboot] = [await stampsOf(site.published), await stampsOf(site.tftpboot)]
      const toldBefore = await site.told()

      await generate()
      assert.deepEqual((await site.told()).slice(toldBefore.length), [told.hosts])
      const changed = changedPaths(published, await stampsOf(site.published))
      assert.ok(changed.length > 0 && changed.every((path) => /^[a-z]+\/lab\b/.test(path)), changed.join())
      assert.deepEqual(changedPaths(tftpboot, await stampsOf(site.tftpboot)), menuPaths(mac))
      await until(async () => (await client.join('udhcpc', macOf('wrong-disk'), 0)).address === moved)
      const { address, hostname } = await client.join('dhclient', mac, 7)
      assert.deepEqual([address, hostname], [ip, `new${number}`])
      for (const path of menuPaths(mac)) assert.match((await client.tftp(path)).toString(), /boot is local/)
    })

    test('a new network: the daemon takes it up, and goes on serving what the site reserved itself', async () => {
      const toldBefore = await site.told()
      await bootstead('network', 'add', `net${number}`, `cidr=198.51.100.${64 * number}/26`)
      await generate()
      assert.deepEqual((await site.told()).slice(toldBefore.length), [told.networks])
      assert.equal((await client.join('udhcpc', '02:00:00:00:00:fa', 0)).address, '192.0.2.250')
    })
  })

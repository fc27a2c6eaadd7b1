// Bare machines, from power-on to their own disk, against the real server. Only the distribution's installer is a stand-in.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { startMariaDb } from '../mariadb.ts'
import { fillState, newDatabase, startBootstead, type Bootstead } from './bootstead.ts'
import { buildInitramfs } from './initramfs.ts'
import { makeDisk, startMachine, type Firmware, type Machine } from './machine.ts'
import { openNetwork, type Network } from './network.ts'
import { unpackDebian } from './packages.ts'

let network: Network
let bootstead: Bootstead
const closers: (() => Promise<unknown>)[] = []

before(async () => {
  const debian = await unpackDebian()
  const image = async (fetcher: 'curl' | 'wget') => ({
    vmlinuz: debian.vmlinuz,
    'initrd.img': await buildInitramfs(debian, fetcher),
  })
  const state = await mkdtemp(join(tmpdir(), 'bootstead-metal-'))
  closers.push(() => rm(state, { recursive: true }))
  await fillState(state, { 'lab-curl': await image('curl'), 'lab-wget': await image('wget') })
  const database = await startMariaDb()
  closers.push(database.stop)
  network = await openNetwork()
  closers.push(network.close)
  const samples = join(import.meta.dirname, '../../samples')
  const documents = [join(samples, 'farm.yaml'), join(samples, 'boot-lab.yaml')]
  bootstead = await startBootstead(network, { inventory: newDatabase(database, 'metal'), state, documents })
  closers.push(bootstead.stop)
})

after(async () => {
  for (const close of closers.toReversed()) await close()
})

/** A host of samples/boot-lab.yaml as a machine with an empty disk, switched off; every `powerOn` is a cold start with the same disk. */
const rack = async (t: TestContext, host: string, firmware: Firmware) => {
  const { interfaces } = await shown(host)
  const mac = interfaces[0]?.mac ?? assert.fail(`${host} has no interface`)
  const disk = await makeDisk(`metal-${host}`)
  const tap = await network.addTap()
  let running: Machine | undefined
  let starts = 0
  t.after(() => running?.stop())
  return {
    powerOn: async () => {
      await running?.stop()
      const name = `metal-${host}-${++starts}`
      running = await startMachine(network, { name, firmware, mac, disk, tap })
      return running
    },
  }
}

interface Shown {
  readonly machine: { readonly boot: string }
  readonly interfaces: readonly { readonly mac: string }[]
}
const asked = async (...words: string[]): Promise<unknown> => JSON.parse(await bootstead.command(...words, '--json'))
const shown = async (host: string) => (await asked('machine', 'show', host)) as Shown

interface Sign {
  readonly stage: string
  readonly detail: string | null
}
const timeline = async (host: string) => (await asked('timeline', host)) as readonly Sign[]

/** What the timeline says of an install: the stages between power-on and a running system, in order. */
const installStages = async (host: string) =>
  (await timeline(host)).map(({ stage }) => stage).filter((stage) => !['dhcp', 'loader'].includes(stage))

test('an unarmed machine is told to boot its disk, and its kickstart is nobody’s', async (t) => {
  const machine = await (await rack(t, 'ipxe', 'bios')).powerOn()
  await machine.waitFor(/ipxe: boot is local/)
  await machine.waitFor(/Booting from SAN device 0x80|No more network devices/, { never: /INSTALLER/ })
  assert.equal(await bootstead.status('/ks/ipxe'), 403)
  assert.deepEqual(await installStages('ipxe'), [])
})

const ways: readonly {
  readonly title: string
  readonly host: string
  readonly firmware: Firmware
  readonly loader: RegExp
}[] = [
  { title: 'BIOS, the iPXE of the card’s ROM, EL 9', host: 'ipxe', firmware: 'bios', loader: /ipxe\/.*\.ipxe\.* ok/ },
  { title: 'BIOS, PXELINUX over TFTP, EL 5', host: 'pxelinux', firmware: 'bios', loader: /PXELINUX 6/ },
  { title: 'UEFI PXE, shim and GRUB over TFTP, EL 6', host: 'grub', firmware: 'uefi', loader: /Welcome to GRUB/ },
  {
    title: 'UEFI PXE with Secure Boot on, EL 10',
    host: 'secure',
    firmware: 'uefi-secure',
    loader: /Secure Boot is enabled/,
  },
  { title: 'UEFI HTTP boot, iPXE, EL 7', host: 'http', firmware: 'uefi-http', loader: /URI: http.*efi/ },
]

for (const { title, host, firmware, loader } of ways)
  test(`${title}: installs once, then boots its disk for good`, async (t) => {
    const { powerOn } = await rack(t, host, firmware)
    const booted = new RegExp(`BOOTED-FROM-DISK ${host}\\b`)
    await bootstead.command('machine', 'install', host)

    const first = await powerOn()
    await first.waitFor(loader)
    await first.waitFor(/INSTALLER: kickstart has/)
    await first.waitFor(/INSTALLER: done, rebooting/, { never: /REFUSED|INSTALLER: .*(refused|failed)/ })
    assert.equal((await shown(host)).machine.boot, 'local')
    await first.waitFor(booted, { never: /INSTALLER/ })
    await first.off()

    const second = await powerOn()
    await second.waitFor(booted, { never: /INSTALLER/ })
    await second.off()
    assert.deepEqual(await installStages(host), ['armed', 'kickstart', 'installing', 'installed'])
    const events = await timeline(host)
    const [armed, fetched, installed] = ['armed', 'kickstart', 'installed'].map((stage) =>
      events.findIndex((sign) => sign.stage === stage),
    )
    const menus = (from = 0, to = events.length) =>
      events
        .slice(from, to)
        .filter(({ detail }) => detail?.includes(' menu: '))
        .map(({ detail }) => detail ?? '')
    assert.ok(events.slice(armed, fetched).some(({ stage }) => stage === 'dhcp'))
    assert.ok(menus(armed, fetched).every((menu) => / menu: armed at /.test(menu)) && menus(armed, fetched).length > 0)
    assert.ok(menus(installed).every((menu) => menu.endsWith(' menu: boot is local')) && menus(installed).length > 0)
  })

test('a machine without the disk its inventory names refuses to install, and says why', async (t) => {
  await bootstead.command('machine', 'install', 'wrong-disk')
  const machine = await (await rack(t, 'wrong-disk', 'bios')).powerOn()
  await machine.waitFor(/REFUSED: this machine has no disk nvme0n1/)
  await machine.waitFor(/INSTALLER: refused by %pre/)
  await machine.off()
  assert.deepEqual(await installStages('wrong-disk'), ['armed', 'kickstart', 'failed'])
})

test('rescue boots the installer without a kickstart', async (t) => {
  await bootstead.command('machine', 'rescue', 'pxelinux')
  const machine = await (await rack(t, 'pxelinux', 'bios')).powerOn()
  await machine.waitFor(/INSTALLER: rescue shell/, { never: /kickstart/ })
  await machine.off()
})

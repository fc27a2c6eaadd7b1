// Machines at a site whose DHCP server gives addresses and nothing else: what to boot they hear from us, by proxyDHCP.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parse } from 'yaml'
import { manualLines, startGiver } from '../protocol/address-givers.ts'
import { requirePrograms } from '../protocol/daemons-lab.ts'
import { commandOf, fillInventory, fillState, serveBootstead, type Bootstead, type Setup } from './bootstead.ts'
import { buildInitramfs } from './initramfs.ts'
import { makeDisk, startMachine, type Firmware } from './machine.ts'
import { openNetwork, serverAddress, type Network } from './network.ts'
import { unpackDebian } from './packages.ts'

const samples = join(import.meta.dirname, '../../samples')
const lab = parse(await readFile(join(samples, 'boot-lab.yaml'), 'utf8')) as Readonly<{
  machines: Readonly<
    Record<string, Readonly<{ interfaces: Readonly<Record<string, Readonly<{ mac: string; ip: string }>>> }>>
  >
}>
const cardOf = (host: string) =>
  Object.values(lab.machines[host]?.interfaces ?? {})[0] ?? assert.fail(`${host} has no interface`)
const hosts = Object.keys(lab.machines).map(cardOf)

type Way = Readonly<{
  title: string
  host: string
  firmware: Firmware
  loader: RegExp
  /** Kernels take their time over TFTP. */
  reaches: 'menu' | 'kickstart'
  /** Who heard what from us, in the order in which it asked: the timeline's words. */
  told: readonly string[]
}>

const script = (host: string): string => `http://${serverAddress}/ipxe/${cardOf(host).mac}.ipxe`

const elsewhere: readonly Way[] = [
  {
    title: 'BIOS, the iPXE of the card’s ROM, then PXELINUX',
    host: 'pxelinux',
    firmware: 'bios',
    loader: /PXELINUX 6/,
    reaches: 'menu',
    told: ['bios ipxe: pxelinux.0'],
  },
  {
    title: 'UEFI PXE, then iPXE',
    host: 'grub',
    firmware: 'uefi',
    loader: /NBP filename is snponly\.efi/,
    reaches: 'kickstart',
    told: ['uefi-x64 pxe: asked to port 4011', 'uefi-x64 pxe: snponly.efi', `uefi-x64 ipxe: ${script('grub')}`],
  },
  {
    title: 'UEFI PXE with Secure Boot on, shim and GRUB, which the DHCP server tells where they are',
    host: 'secure',
    firmware: 'uefi-secure',
    loader: /Welcome to GRUB/,
    reaches: 'menu',
    told: ['uefi-x64 pxe: asked to port 4011', 'uefi-x64 pxe: shimx64.efi'],
  },
  {
    title: 'UEFI HTTP boot, then iPXE',
    host: 'http',
    firmware: 'uefi-http',
    loader: /URI: http.*efi/,
    reaches: 'menu',
    told: [`uefi-x64 http: http://${serverAddress}/snponly.efi`, `uefi-x64 ipxe: ${script('http')}`],
  },
]

const here: readonly Way[] = [
  {
    title: 'BIOS, the iPXE of the card’s ROM',
    host: 'ipxe',
    firmware: 'bios',
    loader: /ipxe\/.*\.ipxe\.* ok/,
    reaches: 'kickstart',
    told: [`bios ipxe: ${script('ipxe')}`],
  },
  {
    title: 'UEFI PXE, then iPXE',
    host: 'wrong-disk',
    firmware: 'uefi',
    loader: /NBP filename is snponly\.efi/,
    reaches: 'menu',
    told: ['uefi-x64 pxe: snponly.efi', `uefi-x64 ipxe: ${script('wrong-disk')}`],
  },
]

let network: Network
let setup: Setup
let bootstead: Bootstead['command']
const closers: (() => Promise<unknown>)[] = []

before(async () => {
  requirePrograms()
  const debian = await unpackDebian()
  const state = await mkdtemp(join(tmpdir(), 'bootstead-proxy-'))
  closers.push(() => rm(state, { recursive: true }))
  await fillState(state, {})
  setup = { inventory: `sqlite:${join(state, 'inventory.sqlite')}`, state }
  await fillInventory(setup, [join(samples, 'farm.yaml'), join(samples, 'boot-lab.yaml')])
  bootstead = commandOf(setup)
  for (const fetcher of ['curl', 'wget'] as const) {
    const installer = ['--kernel', debian.vmlinuz, '--initrd', await buildInitramfs(debian, fetcher)]
    await bootstead('image', 'add', `lab-${fetcher}`, ...installer)
  }
  await bootstead('machine', 'set', 'secure', 'params.loader=grub')
  await bootstead('install', ...Object.keys(lab.machines))
  network = await openNetwork()
  closers.push(network.close)
})

after(async () => {
  for (const close of closers.toReversed()) await close()
})

/** What it was told, the first first, each once. */
const toldTo = async (host: string): Promise<readonly string[]> => {
  const timeline = JSON.parse(await bootstead('timeline', host, '--json')) as readonly Readonly<{
    stage: string
    detail: string | null
  }>[]
  return [...new Set(timeline.flatMap(({ stage, detail }) => (stage === 'dhcp' && detail !== null ? [detail] : [])))]
}

const boots = ({ title, host, firmware, loader, reaches, told }: Way): void => {
  test(`PXE 2.1 §2.2: ${title}: another server’s address, our loader and ${reaches}`, async (t) => {
    const disk = await makeDisk(`proxy-${host}`)
    const hardware = { firmware, mac: cardOf(host).mac, disk, tap: await network.addTap() }
    const machine = await startMachine(network, { name: `proxy-${host}`, ...hardware })
    t.after(machine.stop)
    await machine.waitFor(loader)
    await machine.waitFor(
      { menu: new RegExp(`${host}: armed at|Loading /images/`), kickstart: /INSTALLER: kickstart has/ }[reaches],
    )
    await machine.cutPower()
    assert.deepEqual(await toldTo(host), told)
  })
}

describe('beside a DHCP server on another host', () => {
  const own: (() => Promise<unknown>)[] = []
  before(async () => {
    const host = await network.addHost(['eth0'])
    own.push(host.close)
    for (const line of ['address add 192.0.2.2/24 dev eth0', 'link set eth0 up']) await host.run('ip', line.split(' '))
    const grub = `host grub { hardware ethernet ${cardOf('secure').mac}; fixed-address ${cardOf('secure').ip}; next-server ${serverAddress}; }`
    const others = hosts.filter(({ mac }) => mac !== cardOf('secure').mac)
    own.push(await startGiver(host, 'isc', { card: 'eth0', hosts: others, more: grub }))
    own.push((await serveBootstead(network, setup, ['--dhcp-mode', 'proxy'])).stop)
  })
  after(async () => {
    for (const close of own.toReversed()) await close()
  })
  for (const way of elsewhere) boots(way)
})

describe('beside a DHCP server on the same host', () => {
  const own: (() => Promise<unknown>)[] = []
  before(async () => {
    own.push(await startGiver(network, 'dnsmasq', { card: 'br0', hosts, more: await manualLines('dnsmasq') }))
    own.push((await serveBootstead(network, setup, ['--dhcp-mode', 'proxy-4011'])).stop)
  })
  after(async () => {
    for (const close of own.toReversed()) await close()
  })
  for (const way of here) boots(way)
})

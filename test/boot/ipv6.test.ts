// Machines that have no IPv4: firmware and loaders hear by DHCPv6 what to boot, and fetch it by TFTP and HTTP over IPv6.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { commandOf, fillInventory, fillState, serveBootstead, type Bootstead } from './bootstead.ts'
import { buildInitramfs } from './initramfs.ts'
import { makeDisk, startMachine, type Firmware } from './machine.ts'
import { openNetwork, type Network } from './network.ts'
import { requireHostFiles, unpackDebian } from './packages.ts'

const inventory = `
networks: {lab: {cidr: 192.0.2.0/24, cidr6: '2001:db8::/64'}}
images: {six: {arch: x86_64, kernel: vmlinuz, initrd: initrd.img}}
profiles: {six: {family: el, version: '9', arch: x86_64, template: el9.ks, image: six}}
machines:
  grub6: {profile: six, disk: vda, serial_console: 'ttyS0,115200', interfaces: {eth0: {mac: '52:54:00:77:00:61', ip6: '2001:db8::61', network: lab}}}
  ipxe6: {profile: six, disk: vda, serial_console: 'ttyS0,115200', params: {loader: ipxe}, interfaces: {eth0: {mac: '52:54:00:77:00:62', ip6: '2001:db8::62', network: lab}}}
  http6: {profile: six, disk: vda, serial_console: 'ttyS0,115200', params: {loader: ipxe}, interfaces: {eth0: {mac: '52:54:00:77:00:63', ip6: '2001:db8::63', network: lab}}}
`

let network: Network
let bootstead: Bootstead['command']
const closers: (() => Promise<unknown>)[] = []

before(async () => {
  requireHostFiles([{ file: 'radvd', debian: 'radvd' }])
  const debian = await unpackDebian()
  const state = await mkdtemp(join(tmpdir(), 'bootstead-ipv6-'))
  closers.push(() => rm(state, { recursive: true }))
  await fillState(state, { six: { vmlinuz: debian.vmlinuz, 'initrd.img': await buildInitramfs(debian, 'curl') } })
  const setup = { inventory: `sqlite:${join(state, 'inventory.sqlite')}`, state }
  await writeFile(join(state, 'six.yaml'), inventory)
  await fillInventory(setup, [join(state, 'six.yaml')])
  bootstead = commandOf(setup)
  network = await openNetwork('given')
  closers.push(network.close)
  const server = await serveBootstead(network, setup, ['--doors=dhcp,dhcp6,tftp,http', '--listen=::'])
  closers.push(server.stop)
})

after(async () => {
  for (const close of closers.toReversed()) await close()
})

/** A machine with an empty disk, switched on. */
async function powerOn(t: TestContext, host: string, firmware: Firmware = 'uefi-pxe6') {
  const interfaces = JSON.parse(await bootstead('machine', 'show', host, '--json')) as {
    interfaces: readonly { mac: string }[]
  }
  const mac = interfaces.interfaces[0]?.mac ?? assert.fail(`${host} has no interface`)
  const [name, disk, tap] = [`ipv6-${host}`, await makeDisk(`ipv6-${host}`), await network.addTap()]
  const machine = await startMachine(network, { name, firmware, mac, disk, tap })
  t.after(machine.stop)
  return machine
}

const timeline = async (host: string) =>
  JSON.parse(await bootstead('timeline', host, '--json')) as readonly { stage: string; door: string; detail: string }[]

test('UEFI PXE over IPv6, shim and GRUB: a machine without IPv4 installs once, then boots its disk', async (t) => {
  await bootstead('machine', 'install', 'grub6')
  const machine = await powerOn(t, 'grub6')
  await machine.waitFor(/Welcome to GRUB/)
  await machine.waitFor(/INSTALLER: static network: eth0 2001:db8::61\/64/)
  await machine.waitFor(/INSTALLER: done, rebooting/, { never: /REFUSED|INSTALLER: .*(refused|failed)/ })
  await machine.waitFor(/BOOTED-FROM-DISK grub6\b/, { never: /INSTALLER/ })
  const events = await timeline('grub6')
  assert.deepEqual(
    events.map(({ stage }) => stage).filter((stage) => !['dhcp', 'loader'].includes(stage)),
    ['armed', 'kickstart', 'installing', 'installed'],
  )
  const asked = events.find(({ door }) => door === 'dhcp6')
  assert.equal(asked?.detail, '2001:db8::61 to uefi-x64 pxe: tftp://[2001:db8::1]/shimx64.efi')
})

test('UEFI PXE over IPv6, iPXE: its script and the kernel come over HTTP from the same address', async (t) => {
  await bootstead('machine', 'install', 'ipxe6')
  const machine = await powerOn(t, 'ipxe6')
  await machine.waitFor(/http:\/\/\[2001:db8::1\]\/images\/six\/vmlinuz.*ok/)
  await machine.waitFor(/INSTALLER: kickstart has/)
  const scripts = (await timeline('ipxe6')).filter(({ detail }) => detail.includes('ipxe/52:54:00:77:00:62.ipxe'))
  assert.ok(scripts.some(({ door }) => door === 'dhcp6'))
})

test('UEFI HTTP boot over IPv6: once nobody answers over IPv4, the loader’s URL comes by DHCPv6', async (t) => {
  await bootstead('machine', 'install', 'http6')
  const machine = await powerOn(t, 'http6', 'uefi-http')
  await machine.waitFor(/URI: http:\/\/\[2001:db8::1\]\/.*\.efi/, { timeoutMs: 240_000 })
  await machine.waitFor(/http:\/\/\[2001:db8::1\]\/images\/six\/vmlinuz.*ok/)
  await machine.waitFor(/INSTALLER: kickstart has/)
  const asked = (await timeline('http6')).filter(({ door }) => door === 'dhcp6').map(({ detail }) => detail)
  assert.ok(
    asked.some((detail) => detail.includes('uefi-x64 http: http://[2001:db8::1]/')),
    asked.join('\n'),
  )
})

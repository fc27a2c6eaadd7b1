import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ToldBy } from '../../../server/plan/bootfile.ts'
import { bootfileFor, loaderOf, loaders, menuPath } from '../../../server/plan/bootfile.ts'
import type { Agent, Platform } from '../../../server/plan/dhcp/clients.ts'
import { platforms } from '../../../server/plan/dhcp/clients.ts'
import { loaderRows } from '../../../server/plan/loaders.ts'
import type { Settings } from '../../../server/plan/settings.ts'
import { settingsOf } from '../../../server/plan/settings.ts'
import { address, snapshotOf } from '../../fixtures.ts'

function settings(loader = 'auto', { knowsItself = true, mac = 'mac: 00:00:5e:00:53:AF' } = {}): Settings {
  const snapshot = snapshotOf(`machines: {a: {profile: p, params: {loader: ${loader}}, interfaces: {eth0: {${mac}}}}}`)
  const machine = snapshot.machines.get('a')
  assert.ok(machine)
  return settingsOf(snapshot, machine, {
    advertise: null,
    addresses: knowsItself ? [address('192.0.2.1')] : [],
    httpPort: 8080,
  })
}
const file = (platform: Platform, agent: Agent, loader = 'auto', by: ToldBy = 'dhcp'): string | undefined =>
  bootfileFor(settings(loader), { platform, agent }, by)?.value.name

const url = 'http://192.0.2.1:8080'
const menu = `${url}/ipxe/00:00:5e:00:53:af.ipxe`

describe('what a client is told to fetch', () => {
  test('firmware gets the best its platform has: PXELINUX on BIOS, shim where there is one signed, else iPXE', () => {
    assert.deepEqual(
      platforms.map((platform) => file(platform, 'pxe')),
      ['pxelinux.0', 'ipxe-ia32.efi', 'shimx64.efi', 'shimaa64.efi', 'ipxe-riscv64.efi'],
    )
  })

  test('iPXE asks again with its user class and must not be handed iPXE again: it gets its script, as a URL', () => {
    for (const platform of platforms) assert.equal(file(platform, 'ipxe'), menu)
  })

  test('UEFI 2.10 §24.7: an HTTP client gets a URL of something that goes on over HTTP', () => {
    assert.deepEqual(
      platforms.map((platform) => file(platform, 'http')),
      [
        undefined,
        ...['ipxe-ia32.efi', 'snponly.efi', 'ipxe-arm64.efi', 'ipxe-riscv64.efi'].map((name) => `${url}/${name}`),
      ],
    )
  })

  test('GRUB before 2.12 finds no files if a proxy names its server: UEFI gets iPXE, but for who insists on GRUB', () => {
    const told = (loader: string) => platforms.map((platform) => file(platform, 'pxe', loader, 'proxy'))
    const ipxe = ['ipxe-ia32.efi', 'snponly.efi', 'ipxe-arm64.efi', 'ipxe-riscv64.efi']
    assert.deepEqual(told('auto'), ['pxelinux.0', ...ipxe])
    assert.deepEqual(told('ipxe'), ['undionly.kpxe', ...ipxe])
    assert.deepEqual(
      [file('uefi-x64', 'pxe', 'grub', 'proxy'), file('uefi-arm64', 'pxe', 'grub', 'proxy')],
      ['shimx64.efi', 'shimaa64.efi'],
    )
  })

  test('whoever names the boot file, iPXE goes on with its script, and HTTP boot with a URL', () => {
    for (const platform of platforms)
      for (const agent of ['ipxe', 'http'] as const)
        for (const loader of loaders)
          assert.equal(file(platform, agent, loader, 'proxy'), file(platform, agent, loader))
  })

  test('an operating system boots nothing', () => {
    for (const platform of platforms)
      for (const loader of loaders) assert.equal(file(platform, 'system', loader), undefined)
  })
})

describe('the param loader', () => {
  test('ipxe: firmware is handed iPXE first', () => {
    assert.deepEqual(
      platforms.map((platform) => file(platform, 'pxe', 'ipxe')),
      ['undionly.kpxe', 'ipxe-ia32.efi', 'snponly.efi', 'ipxe-arm64.efi', 'ipxe-riscv64.efi'],
    )
    for (const platform of platforms) assert.equal(file(platform, 'ipxe', 'ipxe'), menu)
  })

  test('pxelinux, grub: also an iPXE in ROM goes on to that loader, where the platform has it', () => {
    for (const loader of ['pxelinux', 'grub']) {
      assert.equal(file('bios', 'pxe', loader), 'pxelinux.0')
      assert.equal(file('bios', 'ipxe', loader), 'pxelinux.0')
      assert.equal(file('uefi-x64', 'pxe', loader), 'shimx64.efi')
      assert.equal(file('uefi-x64', 'ipxe', loader), 'shimx64.efi')
    }
  })

  test('one that doesn’t exist counts as not given', () => {
    assert.deepEqual([file('bios', 'pxe', 'lilo'), loaderOf(settings('lilo')).value], ['pxelinux.0', 'auto'])
    assert.deepEqual(loaderOf(settings('grub')).origin, { layer: 'machine', row: 'a', column: 'params.loader' })
  })

  test('whatever it is, every platform’s firmware and iPXE get something', () => {
    for (const platform of platforms)
      for (const agent of ['pxe', 'ipxe'] as const)
        for (const loader of loaders) assert.ok(file(platform, agent, loader), `${platform} ${agent} ${loader}`)
  })
})

test('every loader that is named is one that `bootstead loaders collect` brings, but iPXE where Debian builds none', () => {
  const collected = new Set(loaderRows.map(({ name }) => name))
  const named = platforms.flatMap((platform) =>
    (['pxe', 'http'] as const).flatMap((agent) =>
      loaders.flatMap((loader) => bootfileFor(settings(loader), { platform, agent })?.value.path ?? []),
    ),
  )
  const missing = new Set(named.filter((path) => !collected.has(path)))
  assert.deepEqual([...missing].toSorted(), ['ipxe-arm64.efi', 'ipxe-ia32.efi', 'ipxe-riscv64.efi'])
})

test('a server that does not know its address gives no URL, but TFTP needs none', () => {
  const lost = settings('auto', { knowsItself: false })
  assert.equal(bootfileFor(lost, { platform: 'bios', agent: 'ipxe' }), null)
  assert.equal(bootfileFor(lost, { platform: 'uefi-x64', agent: 'http' }), null)
  assert.equal(bootfileFor(lost, { platform: 'bios', agent: 'pxe' })?.value.name, 'pxelinux.0')
})

test('DESIGN §4: a menu’s path is the same at every door; without a MAC there is none', () => {
  const paths = (of: Settings): unknown =>
    (['pxelinux', 'grub', 'ipxe'] as const).map((one) => menuPath(of.mac.value, one))
  assert.deepEqual(paths(settings()), [
    'pxelinux.cfg/01-00-00-5e-00-53-af',
    'grub/grub.cfg-01-00-00-5e-00-53-af',
    'ipxe/00:00:5e:00:53:af.ipxe',
  ])
  assert.deepEqual(paths(settings('auto', { mac: '' })), [null, null, null])
  assert.equal(bootfileFor(settings('auto', { mac: '' }), { platform: 'bios', agent: 'ipxe' }), null)
})

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { architectureNames } from '../../../../server/plan/dhcp/architectures.ts'
import type { Platform } from '../../../../server/plan/dhcp/clients.ts'
import { architectureTypes, clientOf, platforms, strangePlatform } from '../../../../server/plan/dhcp/clients.ts'
import type { DhcpMessage } from '../../../../server/plan/dhcp/message.ts'
import { NO_ADDRESS, OPTION } from '../../../../server/plan/dhcp/message.ts'
import { ascii, u16 } from '../../../../server/plan/dhcp/options.ts'

type Asks = Readonly<{ arch?: number; vendor?: string; user?: string; ipxe?: boolean }>

function request({ arch, vendor, user, ipxe = false }: Asks): DhcpMessage {
  const options = new Map<number, Uint8Array>()
  if (arch !== undefined) options.set(OPTION.clientArchitecture, u16(arch))
  if (vendor !== undefined) options.set(OPTION.vendorClass, ascii(vendor))
  if (user !== undefined) options.set(OPTION.userClass, ascii(user))
  if (ipxe) options.set(OPTION.ipxe, Uint8Array.of(0xeb, 1, 1))
  const none = NO_ADDRESS
  const chaddr = Uint8Array.of(0, 0, 0x5e, 0, 0x53, 1)
  return {
    op: 'request',
    htype: 1,
    hops: 0,
    xid: 1,
    secs: 0,
    broadcast: true,
    ciaddr: none,
    yiaddr: none,
    siaddr: none,
    giaddr: none,
    chaddr,
    sname: '',
    file: '',
    options,
  }
}
const agent = (asks: Asks): string | undefined => clientOf(request(asks))?.agent
const platform = (arch: number): string | undefined => clientOf(request({ arch, vendor: 'PXEClient' }))?.platform

describe('the platform', () => {
  test('RFC 4578 §2.1 and the IANA registry: what each architecture type is', () => {
    const rows: readonly (readonly [number, Platform])[] = [
      [0, 'bios'],
      [6, 'uefi-ia32'],
      [7, 'uefi-x64'],
      [9, 'uefi-x64'],
      [11, 'uefi-arm64'],
      [15, 'uefi-ia32'],
      [16, 'uefi-x64'],
      [19, 'uefi-arm64'],
      [27, 'uefi-riscv64'],
      [28, 'uefi-riscv64'],
    ]
    for (const [type, name] of rows) assert.equal(platform(type), name)
    assert.deepEqual([...new Set(rows.map(([, name]) => name))].toSorted(), [...platforms].toSorted())
  })

  test('IANA, Processor Architecture Types: a type whose loaders we don’t have is no client of ours, and is told by name', () => {
    const ours = new Set(architectureTypes.map(({ type }) => type))
    for (const type of [...architectureNames.keys(), 42, 65535].filter((one) => !ours.has(one)))
      assert.equal(platform(type), undefined)
    const strange = (asks: Asks): string | null => strangePlatform(request(asks))
    assert.equal(strange({ arch: 2, vendor: 'PXEClient:Arch:00002' }), 'Itanium (type 2)')
    assert.equal(strange({ arch: 18, vendor: 'HTTPClient' }), 'ARM 32-bit UEFI boot from HTTP (type 18)')
    assert.equal(strange({ arch: 39, user: 'iPXE' }), 'LoongArch 64-bit UEFI (type 39)')
    assert.equal(strange({ arch: 22, vendor: 'U-Boot.armv8' }), null)
    assert.equal(strange({ arch: 7, vendor: 'PXEClient' }), null)
  })

  test('a row for HTTP boot has a type that IANA names so, and no other row has', () => {
    for (const { type, http } of architectureTypes)
      assert.equal(architectureNames[type]?.endsWith('boot from HTTP'), http, `type ${type}`)
  })

  test('PXE 2.1 §2.2.3: a client that gives no type is a BIOS', () => {
    assert.deepEqual(clientOf(request({ vendor: 'PXEClient' })), { platform: 'bios', agent: 'pxe' })
  })

  test('every row of the table tells its source, and no type stands in it twice', () => {
    const types = architectureTypes.map(({ type }) => type)
    assert.equal(new Set(types).size, types.length)
    for (const { source } of architectureTypes) assert.match(source, /RFC 4578|IANA/)
  })
})

test('docs/reference/dhcp.md has the same types and platforms', async () => {
  const manual = await readFile(join(import.meta.dirname, '../../../../docs/reference/dhcp.md'), 'utf8')
  const rows = [...manual.matchAll(/^\| (\d+)[^|]*\| `([a-z0-9-]+)`(, HTTP boot)? +\|/gm)]
  assert.deepEqual(
    rows.map(([, type, platform, http]) => ({ type: Number(type), platform, http: http !== undefined })),
    architectureTypes.map(({ type, platform, http }) => ({ type, platform, http })),
  )
})

describe('what asks', () => {
  test('PXE 2.1 §2.2: firmware says PXEClient', () => {
    assert.equal(agent({ arch: 0, vendor: 'PXEClient:Arch:00000:UNDI:002001' }), 'pxe')
    assert.equal(agent({ arch: 7, vendor: 'PXEClient' }), 'pxe')
  })

  test('UEFI 2.10 §24.7.3: HTTP boot says HTTPClient, or nothing but its own architecture type', () => {
    assert.equal(agent({ arch: 16, vendor: 'HTTPClient:Arch:00016:UNDI:003001' }), 'http')
    assert.equal(agent({ arch: 16 }), 'http')
    assert.equal(agent({ arch: 7, vendor: 'HTTPClient' }), 'http')
  })

  test('iPXE by its user class or by option 175, whatever the vendor class says', () => {
    assert.equal(agent({ arch: 7, vendor: 'PXEClient:Arch:00007', user: 'iPXE' }), 'ipxe')
    assert.equal(agent({ arch: 0, vendor: 'PXEClient', ipxe: true }), 'ipxe')
    assert.equal(agent({ arch: 0, vendor: 'PXEClient', user: 'gPXE' }), 'pxe')
  })

  test('anything else doesn’t boot: an installed system, a printer, a request without any class', () => {
    for (const asks of [
      {},
      { vendor: 'MSFT 5.0' },
      { arch: 7 },
      { arch: 0, vendor: 'udhcp 1.35' },
      { vendor: 'anaconda-Linux' },
    ])
      assert.equal(agent(asks), 'system')
  })
})

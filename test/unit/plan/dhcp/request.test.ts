import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMac } from '../../../../server/inventory/address.ts'
import { clientOf, platforms } from '../../../../server/plan/dhcp/clients.ts'
import { OPTION } from '../../../../server/plan/dhcp/message.ts'
import { formatMac, messageType, vendorClass } from '../../../../server/plan/dhcp/options.ts'
import { discoverFrom, requestAfter } from '../../../../server/plan/dhcp/request.ts'
import { decodeDhcp, encodeDhcp } from '../../../../server/render/dhcp.ts'

const mac = parseMac('00:00:5e:00:53:01')
assert.ok(mac)

test('what explain asks with is read as what it stands for: that platform, that agent', () => {
  for (const platform of platforms)
    for (const [stage, agent] of [
      ['firmware', 'pxe'],
      ['http', 'http'],
      ['ipxe', 'ipxe'],
    ] as const) {
      if (platform === 'bios' && stage === 'http') continue // there is no such firmware
      assert.deepEqual(clientOf(discoverFrom(mac, platform, stage)), { platform, agent })
    }
  assert.equal(clientOf(discoverFrom(mac, 'bios', 'system'))?.agent, 'system')
})

test('it is a DISCOVER of that card, broadcast, as firmware writes it', () => {
  const request = discoverFrom(mac, 'uefi-x64', 'firmware')
  assert.deepEqual(
    [messageType(request), formatMac(request.chaddr), request.giaddr, request.ciaddr],
    ['DISCOVER', mac, '0.0.0.0', '0.0.0.0'],
  )
  assert.equal(vendorClass(request), 'PXEClient:Arch:00007:UNDI:003016')
  assert.equal(vendorClass(discoverFrom(mac, 'uefi-arm64', 'http')), 'HTTPClient:Arch:00019:UNDI:003016')
})

test('PXE 2.1 §2.2: what follows it on port 4011 is a REQUEST that says the same, to us alone', () => {
  const discover = discoverFrom(mac, 'uefi-x64', 'firmware')
  const request = requestAfter(discover)
  assert.deepEqual([messageType(request), request.broadcast], ['REQUEST', false])
  assert.deepEqual([vendorClass(request), clientOf(request)], [vendorClass(discover), clientOf(discover)])
})

test('it is a message: encoded and decoded it is the same', () => {
  const request = discoverFrom(mac, 'uefi-x64', 'ipxe')
  const again = decodeDhcp(encodeDhcp(request, { maxSize: 1500 }))
  assert.deepEqual([...again.options], [...request.options])
  assert.deepEqual(Buffer.from(again.options.get(OPTION.userClass) ?? []).toString(), 'iPXE')
})

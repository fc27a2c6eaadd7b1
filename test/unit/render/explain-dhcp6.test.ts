import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMac } from '../../../server/inventory/address.ts'
import { explainDhcp6 } from '../../../server/render/explain-dhcp6.ts'
import { farm6, host6 } from '../plan/dhcp6/asking6.ts'

const context = { snapshot: farm6, server: host6, known: { templates: new Set<string>() }, now: 0 }
const explained = (mac: string, stage: 'firmware' | 'system' = 'firmware', server = host6) =>
  explainDhcp6({ ...context, server }, parseMac(mac) ?? assert.fail(mac), 'uefi-x64', stage)

test('each value that DHCPv6 gives stands beside its row and column', () => {
  const { answer, boots } = explained('00:00:5e:00:53:01') ?? assert.fail()
  assert.equal(answer.asks, 'SOLICIT from 00:00:5e:00:53:01 (uefi-x64, firmware)')
  assert.equal(answer.answer, 'ADVERTISE of 2001:db8:1::11')
  assert.deepEqual(
    answer.values.map(({ name, value, origin }) => [name, value, `${origin.layer} ${origin.row}`.trim()]),
    [
      ['address (5)', '2001:db8:1::11', 'interface a/eth0'],
      ['DNS servers (23)', '2001:db8:1::1, 2001:db8:1::2', 'network farm'],
      ['domain (24)', 'farm.example.org', 'network farm'],
      ['lease seconds', '7200', 'site dhcp_lease_seconds'],
      ['boot file URL (59)', 'tftp://[2001:db8:1::1]/shimx64.efi', 'default boot files (uefi-x64, pxe, loader auto)'],
    ],
  )
  assert.equal(boots, true)
})

test('a system is told no boot file; silence says why', () => {
  assert.equal(explained('00:00:5e:00:53:01', 'system')?.boots, false)
  assert.match(explained('00:00:5e:00:53:99')?.answer.answer ?? '', /^silence: no interface/)
})

test('where there is no DHCPv6 nothing is said of it', () => {
  const { ipv6: _, ...without } = host6
  assert.equal(explained('00:00:5e:00:53:01', 'firmware', without), null)
  assert.equal(explained('00:00:5e:00:53:06'), null)
})

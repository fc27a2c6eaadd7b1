// Which doors are open, and where, as other servers and the farm's page are told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { doorStates } from '../../../server/cli/door-states.ts'

const config: Parameters<typeof doorStates>[0] = {
  doors: ['dhcp', 'http', 'admin'],
  ...({ listen: '0.0.0.0', dhcpMode: 'server', adminListen: '::1' } as const),
}
const ports = { http: 80, dhcp: 67, pxe: null, dhcp6: null, tftp: null, admin: 8081 }

const told = (...given: Parameters<typeof doorStates>) =>
  doorStates(...given).map(({ door, at, note }) => [door, at ?? '-', note].join(' ').trim())

test('each door says where it is open, or why it is not', () => {
  assert.deepEqual(told(config, ports), [
    'dhcp 0.0.0.0:67',
    'dhcp6 - switched off by the setting doors',
    'tftp - switched off by the setting doors',
    'http 0.0.0.0:80',
    'admin [::1]:8081',
  ])
})

test('beside another DHCP server its port is the one of proxyDHCP', () => {
  const [dhcp] = told({ ...config, dhcpMode: 'proxy-4011', listen: '::' }, { ...ports, dhcp: null, pxe: 4011 })
  assert.equal(dhcp, 'dhcp 0.0.0.0:4011 beside another DHCP server (proxy-4011)')
})

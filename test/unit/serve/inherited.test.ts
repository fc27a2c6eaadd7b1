import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inheritedSockets } from '../../../server/serve/inherited.ts'

test('sd_listen_fds(3): descriptors from 3 on, each with its name', () => {
  const env = { LISTEN_PID: '42', LISTEN_FDS: '2', LISTEN_FDNAMES: 'dhcp-eth0:dhcp-eth1' }
  assert.deepEqual(inheritedSockets(env, 42), [
    { fd: 3, name: 'dhcp-eth0' },
    { fd: 4, name: 'dhcp-eth1' },
  ])
})

test('sd_listen_fds(3): a descriptor without a name is unknown', () => {
  assert.deepEqual(inheritedSockets({ LISTEN_PID: '42', LISTEN_FDS: '1' }, 42), [{ fd: 3, name: 'unknown' }])
})

test('sd_listen_fds(3): what was meant for another process is nothing to us', () => {
  assert.deepEqual(inheritedSockets({ LISTEN_PID: '41', LISTEN_FDS: '1' }, 42), [])
  assert.deepEqual(inheritedSockets({}, 42), [])
  assert.deepEqual(inheritedSockets({ LISTEN_PID: '42', LISTEN_FDS: 'many' }, 42), [])
})

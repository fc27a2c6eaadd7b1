import assert from 'node:assert/strict'
import { test } from 'node:test'
import { farmIndex } from '../../../server/manage/farm-index.ts'
import { profilesNaming, usersIn } from '../../../server/manage/uses.ts'
import { snapshotOf } from '../../fixtures.ts'

const snapshot = snapshotOf(`
networks: { farm: { cidr: 192.0.2.0/24 }, lab: { cidr: 198.51.100.0/24 } }
images: { el9: { arch: x86_64, kernel: vmlinuz }, el8: { arch: x86_64, kernel: vmlinuz } }
profiles: { base: { image: el9 }, web: { parent: base }, old: { parent: base, image: el8 } }
machines:
  a: { profile: web, interfaces: { eth0: { network: farm }, eth1: { network: farm } } }
  b: { profile: old, interfaces: { eth0: { network: lab } } }
  c: { profile: gone }
`)
const index = await farmIndex(snapshot, { templates: new Set() })

test('a machine uses its profile and those above it, the image that they give, and the networks of its interfaces', async () => {
  assert.deepEqual([...(await usersIn(index, 'profiles'))('base')].sort(), ['a', 'b'])
  assert.deepEqual((await usersIn(index, 'profiles'))('web'), ['a'])
  assert.deepEqual((await usersIn(index, 'images'))('el9'), ['a'])
  assert.deepEqual((await usersIn(index, 'images'))('el8'), ['b'])
  assert.deepEqual((await usersIn(index, 'networks'))('farm'), ['a'], 'once, with two interfaces')
})

test('a profile that is not there is used by whoever names it', async () => {
  assert.deepEqual((await usersIn(index, 'profiles'))('gone'), ['c'])
  assert.deepEqual((await usersIn(index, 'networks'))('nothing'), [])
})

test('profiles name their parents and images', () => {
  assert.deepEqual([...profilesNaming(snapshot, 'profiles', 'base')].sort(), ['old', 'web'])
  assert.deepEqual(profilesNaming(snapshot, 'images', 'el8'), ['old'])
  assert.deepEqual(profilesNaming(snapshot, 'networks', 'farm'), [])
})

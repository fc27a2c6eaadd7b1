import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkToken } from '../../../server/plan/access.ts'
import { planBoot } from '../../../server/plan/boot.ts'
import { noSecret } from '../../../server/inventory/rows.ts'
import { previewArmed } from '../../../server/plan/preview.ts'
import { address, snapshotOf } from '../../fixtures.ts'

const snapshot = snapshotOf(`
images: {el9: {arch: x86_64, kernel: vmlinuz}}
profiles: {el9: {family: el, version: "9", template: el9.ks, image: el9}}
machines:
  a: {profile: el9, disk: sda, interfaces: {eth0: {mac: 00:00:5e:00:53:01}}}
  b: {profile: el9, disk: sda, interfaces: {eth0: {mac: 00:00:5e:00:53:02}}}`)
const context = {
  server: { advertise: address('192.0.2.1'), addresses: [], httpPort: 80 },
  known: { templates: new Set(['el9.ks']) },
  now: 0,
}

test('a preview shows what arming would serve, for the machines asked for and no other', () => {
  const armed = previewArmed(snapshot, ['a', 'nobody'])
  const plan = planBoot({ ...context, snapshot: armed }, 'a')
  assert.equal(plan.kind, 'install')
  assert.match(plan.boot.args.map(({ value }) => value).join(' '), new RegExp(`token=${noSecret}`))
  assert.equal(planBoot({ ...context, snapshot: armed }, 'b').kind, 'local')
  assert.equal(armed.machines.has('nobody'), false)
})

test('a preview arms nothing: the inventory it was made from is as it was, and its token opens nothing', () => {
  previewArmed(snapshot, ['a'])
  assert.equal(planBoot({ ...context, snapshot }, 'a').kind, 'local')
  assert.equal(checkToken(snapshot, 'a', noSecret, ['install', 'machine'], 0).ok, false)
})

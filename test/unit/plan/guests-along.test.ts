import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Token } from '../../../server/inventory/rows.ts'
import { changeSnapshot } from '../../../server/inventory/snapshot.ts'
import type { GuestChoice } from '../../../server/plan/guests-along.ts'
import { machinesToArm } from '../../../server/plan/guests-along.ts'
import { snapshotOf } from '../../fixtures.ts'

const rows = snapshotOf(`
profiles: {xen: {hypervisor: xen}, p: {}}
machines:
  dom0: {profile: xen}
  guest10: {profile: p, dom0: dom0}
  guest9: {profile: p, dom0: dom0}
  other: {profile: xen}
  otherguest: {profile: p, dom0: other}
  metal: {profile: p}`)

/** What is armed, what comes along and what is left when these were installed before. */
function armed(names: string, installed = '', choice: GuestChoice = 'new', snapshot = rows): string {
  const named = names.split(' ').flatMap((name) => snapshot.machines.get(name) ?? [])
  const { asked, along, left } = machinesToArm(snapshot, named, choice, new Set(installed.split(' ')))
  return [asked, along, left].map((those) => those.map(({ hostname }) => hostname).join(' ')).join(' | ')
}

describe('DESIGN §3: a new Dom0’s guests are armed with it, reinstalling a Dom0 does not wipe its guests', () => {
  test('the guests of a new Dom0 come along, in natural order', () => {
    assert.equal(armed('dom0 metal'), 'dom0 metal | guest9 guest10 | ')
  })

  test('a Dom0 that was installed before is armed alone', () => {
    assert.equal(armed('dom0', 'dom0'), 'dom0 |  | guest9 guest10')
  })

  test('a guest that was installed before, on whatever Dom0, is never armed unasked', () => {
    assert.equal(armed('dom0', 'guest9'), 'dom0 | guest10 | guest9')
  })

  test('a used install token is an install, also when its event is gone; one that was never used is none', () => {
    const token = (id: string, columns: Partial<Token>) => {
      const made = {
        id,
        machine: 'dom0',
        purpose: 'install',
        secret: id,
        created_at: 'x',
        expires_at: null,
        used_at: null,
      }
      return { table: 'tokens' as const, key: `dom0/${id}`, raw: { ...made, ...columns } }
    }
    const unused = changeSnapshot(rows, [token('a', {}), token('b', { purpose: 'machine', used_at: 'then' })], 2)
    assert.equal(armed('dom0', '', 'new', unused), 'dom0 | guest9 guest10 | ')
    const used = changeSnapshot(rows, [token('a', { used_at: 'then' })], 2)
    assert.equal(armed('dom0', '', 'new', used), 'dom0 |  | guest9 guest10')
  })

  test('--with-guests asks for all of them, --no-guests for none but those that are named', () => {
    assert.equal(armed('dom0', 'dom0 guest9', 'all'), 'dom0 guest9 guest10 |  | ')
    assert.equal(armed('dom0', '', 'none'), 'dom0 |  | guest9 guest10')
    assert.equal(armed('dom0 guest9', '', 'none'), 'dom0 guest9 |  | guest10')
  })

  test('a guest that is named is asked for, whatever was installed; it brings neither its Dom0 nor its neighbours', () => {
    assert.equal(armed('guest9 dom0', 'dom0 guest9'), 'dom0 guest9 |  | guest10')
    assert.equal(armed('guest9'), 'guest9 |  | ')
  })
})

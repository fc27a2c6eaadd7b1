import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Token } from '../../../server/inventory/rows.ts'
import type { RowChange, Snapshot } from '../../../server/inventory/snapshot.ts'
import { changeSnapshot } from '../../../server/inventory/snapshot.ts'
import type { Plan } from '../../../server/plan/boot.ts'
import { hasExpired, liveToken, planBoot } from '../../../server/plan/boot.ts'
import { installObstacle } from '../../../server/plan/install.ts'
import type { Server } from '../../../server/plan/server.ts'
import { settingsOf } from '../../../server/plan/settings.ts'
import { address, snapshotOf } from '../../fixtures.ts'

const now = Date.parse('2026-02-01T00:00:00.000Z')
const server: Server = { advertise: null, addresses: [address('192.0.2.1')], httpPort: 80 }
const known = { templates: new Set(['el9.ks']) }

/** One machine `a`; the machine's and the profile's columns as YAML. */
const farm = (machine: string, profile = 'family: el, version: "9", template: el9.ks, image: el9'): Snapshot =>
  snapshotOf(`
networks: {farm: {cidr: 192.0.2.0/24, gateway: 192.0.2.254}}
images: {el9: {arch: x86_64, kernel: pxeboot/vmlinuz, initrd: pxeboot/initrd.img, tree_url: repo/el9}, noinitrd: {arch: x86_64, kernel: vmlinuz}}
profiles: {p: {${profile}}}
machines: {a: {profile: p, ${machine}, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm}}}}`)

function token(id: string, columns: Partial<Token> = {}): RowChange {
  const made = {
    id,
    machine: 'a',
    purpose: 'install',
    secret: `secret-${id}`,
    created_at: '2026-01-31T00:00:00.000Z',
    expires_at: '2026-02-02T00:00:00.000Z',
    used_at: null,
  }
  return { table: 'tokens', key: `a/${id}`, raw: { ...made, ...columns } }
}
const plan = (snapshot: Snapshot, tokens: readonly RowChange[] = [], facts = server): Plan =>
  planBoot({ snapshot: changeSnapshot(snapshot, tokens, 2), server: facts, known, now }, 'a')
/** `kind: why` */
const told = (made: Plan): string => `${made.kind}: ${made.why}`

const toInstall = farm('boot: install, disk: sda')

describe('install', () => {
  test('an armed machine is installed: kernel, initrd, its token in the kickstart’s address', () => {
    const made = plan(toInstall, [token('t1')])
    assert.equal(made.kind, 'install')
    assert.equal(made.why, 'armed at 2026-01-31T00:00:00.000Z, until 2026-02-02T00:00:00.000Z')
    assert.deepEqual(
      [made.boot.image.name, made.boot.kernel, made.boot.initrd, made.token.id],
      ['el9', 'images/el9/pxeboot/vmlinuz', 'images/el9/pxeboot/initrd.img', 't1'],
    )
    assert.equal(made.boot.args[0]?.value, 'inst.ks=http://192.0.2.1/ks/a?token=secret-t1')
  })

  test('DESIGN §3: an install that nobody armed never happens, whoever wrote the column', () => {
    const how = 'arm it with: bootstead machine install a'
    assert.equal(told(plan(toInstall)), `local: boot is install, but nobody armed it; ${how}`)
    assert.equal(
      told(plan(toInstall, [token('t1', { used_at: '2026-01-31T12:00:00.000Z' })])),
      `local: boot is install, but nobody armed it since the install of 2026-01-31T12:00:00.000Z; ${how}`,
    )
    assert.equal(
      told(plan(toInstall, [token('t1', { expires_at: '2026-02-01T00:00:00.000Z' })])),
      `local: the install token expired at 2026-02-01T00:00:00.000Z; ${how}`,
    )
    assert.equal(
      told(plan(toInstall, [token('t1', { purpose: 'machine' })])),
      `local: boot is install, but nobody armed it; ${how}`,
    )
  })

  test('a live token alone installs nothing: boot says what is wanted', () => {
    for (const boot of ['local', 'hold', 'memtest', 'rescue'])
      assert.equal(plan(farm(`boot: ${boot}, disk: sda`), [token('t1')]).kind, boot)
  })

  test('of several live tokens the one made last counts', () => {
    const made = plan(toInstall, [token('t1'), token('t2', { created_at: '2026-01-31T01:00:00.000Z' }), token('t3')])
    assert.ok(made.kind === 'install' && made.token.id === 't2')
  })

  test('a token without an end is good until it is used', () => {
    const made = plan(toInstall, [token('t1', { expires_at: null })])
    assert.equal(told(made), 'install: armed at 2026-01-31T00:00:00.000Z')
  })

  test('a token expires at its time, not a moment before', () => {
    const [t] =
      changeSnapshot(toInstall, [token('t1', { expires_at: '2026-02-01T00:00:00.001Z' })], 2).tokens.get('a') ?? []
    assert.ok(t)
    assert.deepEqual([hasExpired(t, now), hasExpired(t, now + 1)], [false, true])
  })
})

describe('armed, but it can’t be: held with the reason, not booted and not installed', () => {
  const cases: readonly (readonly [string, Snapshot, RegExp, Server?])[] = [
    [
      'no template',
      farm('boot: install, disk: sda', 'family: el, version: "9", image: el9'),
      /no profile of a \(p\) names a template/,
    ],
    [
      'no disk',
      farm('boot: install'),
      /machine a names no disk that an install may erase; set it: bootstead machine set a disk=sda/,
    ],
    [
      'no image',
      farm('boot: install, disk: sda', 'family: el, version: "9", template: el9.ks'),
      /no profile of a \(p\) names an image/,
    ],
    [
      'no family',
      farm('boot: install, disk: sda', 'template: el9.ks, image: el9'),
      /no profile of a \(p\) names a family and version/,
    ],
    [
      'an unknown release',
      farm('boot: install, disk: sda', 'family: el, version: "3", template: el9.ks, image: el9'),
      /el 3 is not a release whose installer is known/,
    ],
    [
      'no address of this server',
      toInstall,
      /this server does not know its own address; start it with --advertise/,
      { ...server, addresses: [] },
    ],
  ]
  for (const [what, snapshot, why, facts] of cases)
    test(what, () => {
      const made = plan(snapshot, [token('t1')], facts)
      assert.equal(made.kind, 'hold')
      assert.match(made.why, new RegExp(`^armed for install, but .*${why.source}`))
    })

  test('arming asks the same question beforehand and gets the same answer', () => {
    for (const [, snapshot, why, facts] of cases) {
      const machine = snapshot.machines.get('a')
      assert.ok(machine)
      const context = { snapshot, server: facts ?? server, known }
      assert.match(installObstacle(context, settingsOf(snapshot, machine, context.server)) ?? '', why)
    }
    const machine = toInstall.machines.get('a')
    assert.ok(machine)
    assert.equal(installObstacle({ snapshot: toInstall, server, known }, settingsOf(toInstall, machine, server)), null)
  })
})

describe('the other ways to boot', () => {
  test('local, hold and memtest are what they say', () => {
    for (const boot of ['local', 'hold', 'memtest'])
      assert.equal(told(plan(farm(`boot: ${boot}`))), `${boot}: boot is ${boot}`)
  })

  test('rescue boots the image without a kickstart and without a token', () => {
    const made = plan(farm('boot: rescue'))
    assert.equal(made.kind, 'rescue')
    const args = made.boot.args.map(({ value }) => value)
    assert.deepEqual(args.slice(0, 1), ['inst.rescue'])
    assert.ok(args.includes('inst.repo=http://192.0.2.1/repo/el9'))
    assert.ok(!args.some((arg) => /token|ks=/.test(arg)))
  })

  test('rescue without anything to boot boots the disk and says why', () => {
    assert.equal(
      told(plan(farm('boot: rescue', 'family: el, version: "9"'))),
      'local: boot is rescue, but no profile of a (p) names an image',
    )
  })

  test('an image without an initrd boots without one', () => {
    const made = plan(farm('boot: rescue', 'family: el, version: "9", image: noinitrd'))
    assert.ok(made.kind === 'rescue')
    assert.deepEqual([made.boot.kernel, made.boot.initrd], ['images/noinitrd/vmlinuz', null])
  })
})

describe('no answer', () => {
  test('a withheld machine is ignored, armed or not, and every reason is given', () => {
    const made = plan(farm('boot: install, disk: sda', 'image: nothing, template: nothing.ks'), [token('t1')])
    assert.equal(made.kind, 'ignore')
    assert.match(
      made.why,
      /^withheld: profiles p: template "nothing.ks": .*; profiles p: image "nothing": there is no image/,
    )
    assert.deepEqual(
      made.findings.map(({ field }) => field),
      ['template', 'image'],
    )
  })

  test('a machine whose row can’t be read is withheld, one of no row is unknown', () => {
    const spoiled = changeSnapshot(
      toInstall,
      [{ table: 'machines', key: 'a', raw: { hostname: 'a', profile: 'p', boot: 'never' } }],
      2,
    )
    assert.match(told(plan(spoiled)), /^ignore: withheld: machines a: boot "never"/)
    const gone = changeSnapshot(toInstall, [{ table: 'machines', key: 'a', raw: null }], 2)
    assert.equal(told(plan(gone)), 'ignore: the inventory has no machine a')
  })
})

test('the live token is the machine’s own, of the purpose asked for', () => {
  const snapshot = changeSnapshot(toInstall, [token('t1'), token('m', { purpose: 'machine', expires_at: null })], 2)
  const machine = snapshot.machines.get('a')
  assert.ok(machine)
  assert.deepEqual(
    [liveToken(snapshot, machine, 'install', now)?.id, liveToken(snapshot, machine, 'machine', now)?.id],
    ['t1', 'm'],
  )
  assert.equal(liveToken(snapshot, { ...machine, hostname: 'b' }, 'install', now), null)
})

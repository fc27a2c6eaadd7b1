import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BootState, Signs, StageEvent } from '../../../server/plan/states.ts'
import { bootState, machineState } from '../../../server/plan/states.ts'
import { snapshotOf } from '../../fixtures.ts'

const at = (minute: number): string => new Date(minute * 60_000).toISOString()

/** The state after these stages, one a minute, asked at minute `now`. */
function after(stages: string, now = 20, stallMinutes = 30): BootState {
  const events = stages
    .split(' ')
    .map((stage, minute) => ({ stage, at: at(minute), detail: `${stage} ${minute}`, progress: null, door: 'http' }))
  return bootState({ events, heardAt: null }, { now: now * 60_000, stallMinutes, isDom0: false, guestsHeardAt: null })
}
const state = (stages: string): string => after(stages).state

describe('DESIGN §3: armed → dhcp → loader → kickstart → installing → installed → firstboot → guests → ready', () => {
  test('each stage is the state once it is reached, with its time and its detail', () => {
    const way = ['armed', 'dhcp', 'loader', 'kickstart', 'installing', 'installed', 'firstboot', 'guests', 'ready']
    way.forEach((stage, index) =>
      assert.deepEqual(after(way.slice(0, index + 1).join(' ')), {
        state: stage,
        stage,
        phase: index < way.indexOf('installed') || ['firstboot', 'guests'].includes(stage) ? 'on' : 'done',
        progress: null,
        since: at(index),
        lastSeen: at(index),
        detail: `${stage} ${index}`,
      }),
    )
  })

  test('later signs of an earlier stage, as a reboot’s DHCP, don’t turn it back; they are signs of life', () => {
    assert.deepEqual(after('armed dhcp loader kickstart installing installed dhcp loader'), {
      state: 'installed',
      stage: 'installed',
      phase: 'done',
      progress: null,
      since: at(5),
      lastSeen: at(7),
      detail: 'installed 5',
    })
  })

  test('what came before the last arming belongs to an earlier install', () => {
    assert.equal(state('armed installing ready armed'), 'armed')
    assert.equal(state('armed failed armed dhcp'), 'dhcp')
  })

  test('a machine that was never heard of is unknown; one that was never armed is where it was seen', () => {
    const signs = { events: [], heardAt: null }
    assert.deepEqual(bootState(signs, { now: 0, stallMinutes: 1, isDom0: true, guestsHeardAt: null }), {
      state: 'unknown',
      stage: 'unknown',
      phase: 'none',
      progress: null,
      since: null,
      lastSeen: null,
      detail: null,
    })
    assert.equal(state('dhcp loader'), 'loader')
  })
})

describe('failed', () => {
  test('stands, whatever stage it was reported in, also when the machine boots again', () => {
    assert.equal(state('armed dhcp loader kickstart installing failed'), 'failed')
    assert.equal(state('armed installing failed dhcp loader'), 'failed')
    assert.equal(state('armed installed firstboot guests failed'), 'failed')
  })

  test('ends when progress is reported again: a second try, or guests that came up in the end', () => {
    assert.equal(state('armed installing failed dhcp loader kickstart'), 'kickstart')
    assert.equal(state('armed installing failed kickstart installing installed'), 'installed')
    assert.equal(state('armed installed firstboot guests failed guests'), 'guests')
    assert.equal(state('armed installed firstboot guests failed ready'), 'ready')
  })
})

describe('what an administrator does', () => {
  test('always counts, and the last of it', () => {
    assert.equal(state('armed dhcp disarmed'), 'disarmed')
    assert.equal(state('armed dhcp disarmed dhcp loader'), 'disarmed')
    assert.equal(state('armed installing rescue dhcp'), 'rescue')
    assert.equal(state('armed disarmed rescue'), 'rescue')
    assert.equal(state('armed failed hold'), 'hold')
    assert.equal(state('armed memtest disarmed'), 'disarmed')
    assert.equal(state('armed disarmed armed'), 'armed')
  })
})

describe('stalled', () => {
  test('is a machine that owes a sign of life and gave none for longer than the profile allows', () => {
    assert.deepEqual(after('armed dhcp loader kickstart installing', 4 + 31), {
      state: 'stalled',
      stage: 'installing',
      phase: 'lost',
      progress: null,
      since: at(4),
      lastSeen: at(4),
      detail: 'in installing; nothing heard for 31 minutes',
    })
    assert.equal(after('armed dhcp loader kickstart installing', 4 + 30).state, 'installing')
    assert.deepEqual([after('armed dhcp', 61, 60).state, after('armed dhcp', 62, 60).state], ['dhcp', 'stalled'])
  })

  test('any sign of life counts, also one that is no progress', () => {
    assert.equal(after('armed installing installing installing', 33).state, 'installing')
  })

  test('a machine that owes none never stalls: armed but not switched on, installed, ready, failed, disarmed', () => {
    for (const stages of [
      'armed',
      'armed installing installed',
      'armed installed ready',
      'armed installing failed',
      'armed dhcp disarmed',
      'armed rescue',
    ])
      assert.notEqual(after(stages, 100_000).state, 'stalled', stages)
  })
})

const event = (stage: string, minute: number, columns: Partial<StageEvent> = {}): StageEvent => ({
  stage,
  at: at(minute),
  detail: null,
  progress: null,
  door: 'http',
  ...columns,
})
const fold = (signs: Partial<Signs>, options: Partial<Parameters<typeof bootState>[1]> = {}): BootState =>
  bootState(
    { events: [], heardAt: null, ...signs },
    { now: 20 * 60_000, stallMinutes: 30, isDom0: false, guestsHeardAt: null, ...options },
  )

describe('progress and detail', () => {
  test('are the newest that was reported in the stage', () => {
    const events = [
      event('armed', 0),
      event('installing', 1, { progress: 90, detail: 'first try' }),
      event('failed', 2, { detail: 'no space left' }),
      event('kickstart', 3),
      event('installing', 4, { progress: 10, detail: 'partitions' }),
      event('installing', 5, { progress: 40, detail: 'packages' }),
      event('installing', 6, { detail: 'still packages' }),
    ]
    const { progress, detail, since } = fold({ events })
    assert.deepEqual([progress, detail, since], [40, 'still packages', at(4)])
    assert.equal(fold({ events: events.slice(0, 4) }).progress, null, 'of an earlier try there is none')
  })

  test('a failed machine says in which stage, and why', () => {
    const events = [event('armed', 0), event('installing', 1), event('failed', 2, { detail: 'no space left' })]
    const { state, stage, phase, detail } = fold({ events })
    assert.deepEqual([state, stage, phase, detail], ['failed', 'installing', 'lost', 'no space left'])
  })
})

describe('whether an install is on', () => {
  const phase = (stages: string, isDom0 = false, door = 'http'): string =>
    fold({ events: stages.split(' ').map((stage, minute) => event(stage, minute, { door })) }, { isDom0 }).phase

  test('metal is done when it is installed, a Dom0 when it is ready', () => {
    assert.deepEqual([phase('armed dhcp installed'), phase('armed dhcp installed', true)], ['done', 'on'])
    assert.equal(phase('armed installed firstboot guests ready', true), 'done')
    assert.equal(phase('armed installed firstboot'), 'on', 'a first boot that reports is waited for')
  })

  test('a guest is done when it is ready if its Dom0 reports about it, else when it is installed', () => {
    assert.deepEqual(
      [phase('armed installing installed', false, 'dom0'), phase('armed installing installed')],
      ['on', 'done'],
    )
    assert.equal(phase('armed installing installed ready', false, 'dom0'), 'done')
  })

  test('without an arming there is none, whatever the doors saw; what an administrator did ends it', () => {
    assert.deepEqual(
      ['dhcp loader', 'armed dhcp disarmed', 'armed rescue'].map((stages) => phase(stages)),
      ['none', 'none', 'none'],
    )
    assert.equal(after('dhcp loader', 100_000).state, 'loader', 'and so it does not stall')
  })
})

describe('a machine that repeats itself', () => {
  const events = [event('armed', 0), event('installing', 1)]

  test('is heard of, and does not stall', () => {
    const { state, lastSeen } = fold({ events, heardAt: at(60) }, { now: 80 * 60_000 })
    assert.deepEqual([state, lastSeen], ['installing', at(60)])
    assert.equal(fold({ events, heardAt: at(60) }, { now: 91 * 60_000 }).state, 'stalled')
  })

  test('what it said before it was armed anew does not count', () => {
    const { lastSeen } = fold({ events: [event('armed', 70)], heardAt: at(60) }, { now: 80 * 60_000 })
    assert.equal(lastSeen, at(70))
  })
})

describe('with the rows of the inventory', () => {
  const snapshot = snapshotOf(`
site: {stall_minutes: 50}
profiles: {metal: {}, xen: {hypervisor: xen}, slow: {parent: metal, params: {stall_minutes: 90}}, odd: {params: {stall_minutes: soon}}}
machines:
  dom0: {profile: xen}
  guest1: {profile: metal, dom0: dom0}
  guest2: {profile: metal, dom0: dom0}
  slow: {profile: slow}
  patient: {profile: slow, params: {stall_minutes: 200}}
  odd: {profile: odd}`)
  const installing = { events: [event('armed', 0), event('installing', 1)], heardAt: null }
  const stateAt = (hostname: string, minute: number, signs: Record<string, Signs>): string =>
    machineState(snapshot, hostname, new Map(Object.entries(signs)), { now: minute * 60_000, stallMinutes: 30 }).state

  test('how long a machine may be silent: its own param, its profile’s, the site’s; what is no number is not given', () => {
    const rows = [
      ['guest1', 51, 'installing'],
      ['guest1', 52, 'stalled'],
      ['slow', 91, 'installing'],
      ['slow', 92, 'stalled'],
      ['patient', 201, 'installing'],
      ['odd', 31, 'installing'],
      ['odd', 32, 'stalled'],
    ] as const
    for (const [hostname, minute, state] of rows)
      assert.equal(stateAt(hostname, minute, { [hostname]: installing }), state, `${hostname} ${minute}`)
  })

  test('a Dom0 that waits for its guests has not stalled while one of them is heard of', () => {
    const dom0 = { events: [event('armed', 0), event('installed', 5), event('guests', 10)], heardAt: null }
    const silent = { events: [event('armed', 0)], heardAt: null }
    const heard = { events: [event('armed', 0), event('installing', 11)], heardAt: at(200) }
    assert.equal(stateAt('dom0', 240, { dom0, guest1: silent, guest2: heard }), 'guests')
    assert.equal(stateAt('dom0', 251, { dom0, guest1: silent, guest2: heard }), 'stalled')
    assert.equal(stateAt('dom0', 61, { dom0, guest1: silent }), 'stalled')
  })

  test('a Dom0 owes its first boot: silent after its install, it has stalled', () => {
    const dom0 = { events: [event('armed', 0), event('installed', 5)], heardAt: null }
    assert.deepEqual([stateAt('dom0', 56, { dom0 }), stateAt('slow', 500, { slow: dom0 })], ['stalled', 'installed'])
  })
})

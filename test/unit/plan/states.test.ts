import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BootState } from '../../../server/plan/states.ts'
import { bootState } from '../../../server/plan/states.ts'

const at = (minute: number): string => new Date(minute * 60_000).toISOString()

/** The state after these stages, one a minute, asked at minute `now`. */
function after(stages: string, now = 20, stallMinutes = 30): BootState {
  const events = stages.split(' ').map((stage, minute) => ({ stage, at: at(minute), detail: `${stage} ${minute}` }))
  return bootState(events, { now: now * 60_000, stallMinutes })
}
const state = (stages: string): string => after(stages).state

describe('DESIGN §3: armed → dhcp → loader → kickstart → installing → installed → firstboot → guests → ready', () => {
  test('each stage is the state once it is reached, with its time and its detail', () => {
    const way = ['armed', 'dhcp', 'loader', 'kickstart', 'installing', 'installed', 'firstboot', 'guests', 'ready']
    way.forEach((stage, index) =>
      assert.deepEqual(after(way.slice(0, index + 1).join(' ')), {
        state: stage,
        since: at(index),
        lastSeen: at(index),
        detail: `${stage} ${index}`,
      }),
    )
  })

  test('later signs of an earlier stage, as a reboot’s DHCP, don’t turn it back; they are signs of life', () => {
    assert.deepEqual(after('armed dhcp loader kickstart installing installed dhcp loader'), {
      state: 'installed',
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
    assert.deepEqual(bootState([], { now: 0, stallMinutes: 1 }), {
      state: 'unknown',
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

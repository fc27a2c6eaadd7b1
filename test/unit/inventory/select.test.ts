import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  expandRange,
  namingMachines,
  selectingMachines,
  selectMachines,
  SelectorError,
} from '../../../server/inventory/select.ts'
import { atOnce } from '../../../server/inventory/slices.ts'
import { changeSnapshot } from '../../../server/inventory/snapshot.ts'
import { snapshotOf } from '../../fixtures.ts'

const snapshot = snapshotOf(`
networks: {farm: {cidr: 192.0.2.0/24}, lab: {cidr: 198.51.100.0/24}}
images: {sl5: {arch: i386, kernel: vmlinuz}}
profiles:
  base: {family: el, version: "5", arch: i386, image: sl5}
  dom0: {parent: base, hypervisor: xen}
  guest: {parent: base}
machines:
  acas0001: {profile: dom0, vcpus: 8, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm}}}
  acas0002: {profile: guest, dom0: acas0001, vdisk: /dev/sda5, cpus: 2-3, interfaces: {eth0: {network: farm}}}
  acas0003: {profile: guest, dom0: acas0001, vdisk: /dev/sda6, interfaces: {eth0: {network: farm}, eth1: {network: lab}}}
  acas0010: {profile: base, boot: hold, notes: "broken fan\\nordered a new one", interfaces: {eth0: {mac: 00:00:5e:00:53:10, network: lab}}}
  web: {profile: base, domain: example.org}
`)

const names = (...words: string[]): readonly string[] => selectMachines(snapshot, words).map((one) => one.hostname)

describe('ranges', () => {
  test('numbers keep the width of the first, lists and ranges mix, and brackets may stand anywhere and twice', () => {
    assert.deepEqual(expandRange('acas[0001-0003,7]-x'), ['acas0001-x', 'acas0002-x', 'acas0003-x', 'acas7-x'])
    assert.deepEqual(expandRange('n[9-11]'), ['n9', 'n10', 'n11'])
    assert.deepEqual(expandRange('r[1-2]n[1-2]'), ['r1n1', 'r1n2', 'r2n1', 'r2n2'])
    assert.deepEqual(expandRange('acas[0001-0040]').length, 40)
    assert.deepEqual(expandRange('plain'), ['plain'])
  })

  test('a range that can’t be meant is refused, and the message repeats the word', () => {
    const rows = [
      ['acas[0003-0001]', /acas\[0003-0001\]: the range 0003-0001 runs backwards/],
      ['acas[1-9999999999]', /acas\[1-9999999999\]: names more than 200000 machines/],
      ['acas[1-1000][1-1000]', /names more than 200000 machines/],
      ['acas[1', /acas\[1: a \[ without its \]/],
      ['acas1]', /acas1\]: a \] without its \[/],
      ['acas[a-b]', /acas\[a-b\]: expected numbers such as \[0001-0040\].*instead of \[a-b\]/],
      ['acas[]', /expected numbers/],
    ] as const
    for (const [word, message] of rows)
      assert.throws(
        () => expandRange(word),
        (error) => error instanceof SelectorError && message.test(error.message),
        word,
      )
  })
})

describe('words', () => {
  test('names add up, in natural order, each machine once', () => {
    assert.deepEqual(names('acas0010', 'acas0002', 'acas0002'), ['acas0002', 'acas0010'])
    assert.deepEqual(names('acas[0001-0002],web'), ['acas0001', 'acas0002', 'web'])
    assert.deepEqual(names('ACAS0001', 'web.example.org'), ['acas0001', 'web'])
  })

  test('however machines are named, looking for many is interrupted, and finds the same', () => {
    const hostnames = Array.from({ length: 450 }, (_, index) => `m${index}`)
    const rows = hostnames.map((key) => ({ table: 'machines', key, raw: { hostname: key, profile: 'base' } }) as const)
    const many = changeSnapshot(snapshot, rows, 2)
    for (const words of [['m*'], ['m[0-449]'], ['*', 'hostname=m*'], ['hostname=m*']]) {
      const steps = selectingMachines(many, words)
      let [interrupted, step] = [0, steps.next()]
      for (; step.done !== true; step = steps.next()) interrupted++
      assert.ok(interrupted >= 4, `${words.join(' ')}: ${interrupted}`)
      assert.deepEqual(
        step.value.map(({ hostname }) => hostname),
        hostnames,
      )
    }
  })

  test('a pattern looks among those that are at hand', () => {
    const [machine] = selectMachines(snapshot, ['acas0002'])
    assert.ok(machine !== undefined)
    const found = atOnce(namingMachines(snapshot, ['acas*'], [{ machine, nics: [] }]))
    assert.deepEqual([...found], [machine])
  })

  test('patterns match whole names in any case', () => {
    assert.deepEqual(names('acas*'), ['acas0001', 'acas0002', 'acas0003', 'acas0010'])
    assert.deepEqual(names('acas000?'), ['acas0001', 'acas0002', 'acas0003'])
    assert.deepEqual(names('*'), ['acas0001', 'acas0002', 'acas0003', 'acas0010', 'web'])
    assert.deepEqual(names('W*'), ['web'])
  })

  test('filters narrow down what the names chose; alone they look at every machine', () => {
    assert.deepEqual(names('acas[0001-0003]', 'hypervisor=xen'), ['acas0001'])
    assert.deepEqual(names('dom0=acas0001'), ['acas0002', 'acas0003'])
    assert.deepEqual(names('dom0='), ['acas0001', 'acas0010', 'web'])
    assert.deepEqual(names('dom0!=', 'acas*'), ['acas0002', 'acas0003'])
    assert.deepEqual(names('boot=hold,rescue'), ['acas0010'])
    assert.deepEqual(names('boot!=hold'), ['acas0001', 'acas0002', 'acas0003', 'web'])
    assert.deepEqual(names('vcpus=8'), ['acas0001'])
  })

  test('a profile matches by any of its ancestors, and inherited columns match as they hold', () => {
    assert.deepEqual(names('profile=base').length, 5)
    assert.deepEqual(names('profile=guest'), ['acas0002', 'acas0003'])
    assert.deepEqual(names('family=el', 'version=5', 'arch=i386', 'image=sl5').length, 5)
  })

  test('a machine with several interfaces matches by any of them, and `!=` means by none', () => {
    assert.deepEqual(names('network=lab'), ['acas0003', 'acas0010'])
    assert.deepEqual(names('network!=lab'), ['acas0001', 'acas0002', 'web'])
    assert.deepEqual(names('mac=00:00:5e:*'), ['acas0001', 'acas0010'])
    assert.deepEqual(names('ip=192.0.2.11'), ['acas0001'])
  })

  test('a value is text, dots and all, and a pattern reaches over the lines of a note', () => {
    assert.deepEqual(names('ip=192.0.2.1?'), ['acas0001'])
    assert.deepEqual(names('ip=192x0.2.11'), [])
    assert.deepEqual(names('notes=*new one'), ['acas0010'])
  })

  test('no words name no machine: nothing is ever done to all of them by a forgotten argument', () => {
    assert.deepEqual(names(), [])
  })

  test('a word that names nothing is an error that says so, not an empty answer', () => {
    const rows = [
      ['acas0099', /there is no machine acas0099; bootstead machine list/],
      ['acas[0001-0099]', /there is no machine acas0004/],
      ['db*', /no machine's name matches db\*/],
      ['color=red', /color=red: not a filter; those there are: hostname,.*field=value/],
      ['constructor=x', /constructor=x: not a filter/],
      ['=x', /=x: not a filter/],
      ['acas0001;drop', /there is no machine acas0001;drop/],
    ] as const
    for (const [word, message] of rows)
      assert.throws(
        () => names(word),
        (error) => error instanceof SelectorError && message.test(error.message),
        word,
      )
  })

  test('a machine whose row can’t be read is named with the reason', () => {
    const spoiled = changeSnapshot(
      snapshot,
      [{ table: 'machines', key: 'acas0004', raw: { hostname: 'acas0004', profile: 'base', memory_mib: -1 } }],
      2,
    )
    assert.throws(
      () => selectMachines(spoiled, ['acas0004']),
      /the row of machine acas0004 can't be read: memory_mib: /,
    )
  })
})

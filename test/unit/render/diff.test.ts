// What changes in the same way is said once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OwnWords, Side } from '../../../server/render/diff.ts'
import { groupChanges } from '../../../server/render/diff.ts'

const numberOf = (machine: string): number => Number(machine.slice(4))
const macOf = (machine: string): string => `00-00-5e-00-53-${numberOf(machine).toString(16).padStart(2, '0')}`
const wordsOf: OwnWords = (machine) => [
  [machine, 'HOSTNAME'],
  [`${machine}.example.org`, 'FQDN'],
  [macOf(machine), 'MAC'],
  [`192.0.2.${numberOf(machine)}`, 'IP'],
]

const menu = (machine: string, kernel: string): Side => [
  {
    machine,
    text: `# ${machine}.example.org\nkernel ${kernel}\nappend ks=${machine} ip=192.0.2.${numberOf(machine)}\n`,
  },
]
const pathOf = (machine: string): string => `pxelinux.cfg/01-${macOf(machine)}`

test('machines that change alike are one group, those that change otherwise another', () => {
  const grouping = groupChanges(wordsOf)
  for (const machine of ['acas1', 'acas2', 'acas10'])
    grouping.add({ path: pathOf(machine), before: menu(machine, 'old'), after: menu(machine, 'new') })
  grouping.add({ path: pathOf('acas3'), before: menu('acas3', 'old'), after: menu('acas3', 'other') })
  assert.deepEqual(grouping.groups(), [
    {
      path: 'pxelinux.cfg/01-MAC',
      hunks: [['-kernel old', '+kernel new']],
      machines: ['acas1', 'acas2', 'acas10'],
      files: 3,
    },
    { path: 'pxelinux.cfg/01-MAC', hunks: [['-kernel old', '+kernel other']], machines: ['acas3'], files: 1 },
  ])
})

test('new and removed machines are grouped too: their own words are placeholders, whole words only', () => {
  const grouping = groupChanges(wordsOf)
  for (const machine of ['acas1', 'acas12']) {
    grouping.add({ path: pathOf(machine), before: 'absent', after: menu(machine, 'new') })
    grouping.add({ path: pathOf(machine), before: menu(machine, 'new'), after: 'absent' })
  }
  const lines = ['# FQDN', 'kernel new', 'append ks=HOSTNAME ip=IP']
  assert.deepEqual(
    grouping.groups().map(({ hunks, machines }) => [hunks, machines]),
    [
      [[lines.map((line) => `+${line}`)], ['acas1', 'acas12']],
      [[lines.map((line) => `-${line}`)], ['acas1', 'acas12']],
    ],
  )
})

test('in a file of many machines only the sections that change are told, and lines of nobody by themselves', () => {
  const grouping = groupChanges(wordsOf)
  const side = (head: string, option: string): Side => [
    { machine: null, text: `# ${head}\n` },
    { machine: 'acas1', text: `host acas1 { ${option}; }\n` },
    { machine: 'acas2', text: 'host acas2 { }\n' },
    { machine: 'acas3', text: `host acas3 { ${option}; }\n` },
  ]
  grouping.add({ path: 'hosts.conf', before: side('1', 'a'), after: side('2', 'b') })
  assert.deepEqual(
    grouping.groups().map(({ hunks, machines }) => [hunks, machines]),
    [
      [[['-# 1', '+# 2']], []],
      [[['-host HOSTNAME { a; }', '+host HOSTNAME { b; }']], ['acas1', 'acas3']],
    ],
  )
})

test('a section that only moves does not change; separate changes are separate hunks', () => {
  const grouping = groupChanges(wordsOf)
  const [one, two] = [
    { machine: 'acas1', text: 'a\nb\nc\n' },
    { machine: 'acas2', text: 'x\n' },
  ]
  grouping.add({ path: 'hosts', before: [one, two], after: [two, one] })
  assert.deepEqual(grouping.groups(), [])
  grouping.add({ path: 'hosts', before: [one], after: [{ machine: 'acas1', text: 'A\nb\nC\n' }] })
  assert.deepEqual(grouping.groups()[0]?.hunks, [
    ['-a', '+A'],
    ['-c', '+C'],
  ])
})

test('a loader changes without lines; the same placeholder stands for several words', () => {
  const grouping = groupChanges(() => [
    ['00:00:5e:00:53:01', 'MAC'],
    ['00-00-5e-00-53-01', 'MAC'],
  ])
  grouping.add({ path: 'pxelinux.0', before: 'bytes', after: 'bytes' })
  grouping.add({
    path: 'ipxe/00-00-5e-00-53-01.ipxe',
    before: 'absent',
    after: [{ machine: 'acas1', text: 'set mac 00:00:5e:00:53:01\n' }],
  })
  assert.deepEqual(grouping.groups(), [
    { path: 'pxelinux.0', hunks: [], machines: [], files: 1 },
    { path: 'ipxe/MAC.ipxe', hunks: [['+set mac MAC']], machines: ['acas1'], files: 1 },
  ])
})

test('texts that have nothing in common end in time: all lines go, all come', () => {
  const grouping = groupChanges(wordsOf)
  const text = (word: string): Side => [
    { machine: null, text: Array.from({ length: 20_000 }, (_, n) => `${word} ${n}\n`).join('') },
  ]
  grouping.add({ path: 'hosts', before: text('old'), after: text('new') })
  const [group] = grouping.groups()
  assert.equal(group?.hunks[0]?.length, 40_000)
  assert.deepEqual([group.hunks[0][0], group.hunks[0].at(-1)], ['-old 0', '+new 19999'])
})

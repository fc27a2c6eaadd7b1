// The locks of firstboot/bootstead.sh: flock's, and those of a userland without it.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Dom0, Shell } from './dom0.ts'
import { dom0, plain, until } from './dom0.ts'

/** A script that takes a lock, says so, and holds it until the file `release` is there. */
function holder(t: TestContext, shell: Shell): Dom0 {
  const machine = dom0(t, { ...plain, shell }, 'http://127.0.0.1:1')
  writeFileSync(
    machine.path('usr/local/sbin/hold'),
    `#!${machine.path('bin/sh')}
. "$BOOTSTEAD_ROOT/usr/local/sbin/bootstead.sh"
prepare
(
    take_lock it \${1+"$1"} || exit 1
    echo >"$BOOTSTEAD_ROOT/held.$$"
    echo taken
    while [ ! -e "$BOOTSTEAD_ROOT/release" ]; do pause; done
)
`,
    { mode: 0o755 },
  )
  return machine
}
const held = (machine: Dom0): number => readdirSync(machine.root).filter((name) => name.startsWith('held.')).length
const links = (machine: Dom0): readonly string[] =>
  readdirSync(machine.path('var/lib/bootstead')).filter((name) => /^it\.lock\.\d+$/.test(name))

for (const shell of ['dash', 'bsd'] as const)
  test(`${shell}: one at a time: who may not wait is refused, who may comes next`, async (t) => {
    const machine = holder(t, shell)
    const first = machine.run('hold')
    await until(() => held(machine) === 1, first)
    assert.equal((await machine.run('hold', ['-n'])).status, 1)
    const waiting = [machine.run('hold'), machine.run('hold')]
    assert.equal(held(machine), 1)
    writeFileSync(machine.path('release'), '')
    for (const run of [first, ...waiting]) assert.equal((await run).stdout, 'taken\n')
    assert.equal((await machine.run('hold', ['-n'])).status, 0)
    assert.ok(links(machine).length <= 1)
  })

for (const shell of ['dash', 'bsd'] as const)
  test(`${shell}: many at once, of which one gets it`, async (t) => {
    const machine = holder(t, shell)
    const runs = Array.from({ length: 6 }, () => machine.run('hold', ['-n']))
    await until(
      () => held(machine) > 0,
      Promise.all(runs).then(([first]) => first ?? { status: null, stdout: '', stderr: '' }),
    )
    const refused = runs.map((run) => run.then(({ status }) => status === 1))
    let count = 0
    for (const each of refused) void each.then((was) => (count += was ? 1 : 0))
    while (count < runs.length - 1) await new Promise((resolve) => setTimeout(resolve, 20))
    writeFileSync(machine.path('release'), '')
    const statuses = (await Promise.all(runs)).map(({ status }) => status)
    assert.equal(statuses.filter((status) => status === 0).length, 1)
  })

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
const stale: readonly Readonly<{ why: string; owner: (boot: string) => string; free: boolean }>[] = [
  { why: 'a killed owner', owner: (boot) => `999999 xenconf ${boot}`, free: true },
  { why: 'an owner of another boot', owner: () => `${process.pid} node another-boot`, free: true },
  { why: 'a process id that something else has now', owner: (boot) => `${process.pid} xenconf ${boot}`, free: true },
  { why: 'a link that a full disk cut short', owner: () => 'x', free: true },
  { why: 'an owner that lives', owner: (boot) => `${process.pid} node ${boot}`, free: false },
]
for (const { why, owner, free } of stale)
  test(`without flock, a lock of ${why} is ${free ? 'free' : 'held'}`, async (t) => {
    const machine = holder(t, 'bsd')
    writeFileSync(machine.path('release'), '')
    assert.equal((await machine.run('hold')).status, 0)
    const [name = ''] = links(machine)
    rmSync(machine.path(`var/lib/bootstead/${name}`))
    symlinkSync(owner(bootId()), machine.path('var/lib/bootstead/it.lock.7'))
    const run = await machine.run('hold', ['-n'])
    assert.equal(run.status, free ? 0 : 1, run.stderr)
    assert.deepEqual(links(machine), [free ? 'it.lock.8' : 'it.lock.7'])
  })

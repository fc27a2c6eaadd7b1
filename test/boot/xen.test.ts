// A bare machine becomes a Xen Dom0 whose guests install themselves in parallel: the real hypervisor, its real tools, our
// first-boot scripts as the rendered kickstart installed them. Ordered steps of one Dom0; only the installers are stand-ins.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Machine } from './machine.ts'
import type { Shell } from './shell.ts'
import { dom0, guests, openXenLab, type Sign, type XenLab } from './xen-lab.ts'

let lab: XenLab
let machine: Machine
let shell: Shell

before(async () => {
  lab = await openXenLab()
})

after(() => lab.close())

/** Several times what it takes when the emulator has the processors for itself. */
const minutes = (count: number) => count * 60_000
const together = ['lab1', 'lab2', 'lab3']
const stagesOf = (signs: readonly Sign[]) => signs.map(({ stage }) => stage)
const secondsOn = () => `${machine.secondsOn().toFixed(0)} s after power-on`

interface Domain {
  readonly id: number
  readonly memoryMiB: number
  readonly vcpus: number
  /** What its virtual CPUs are pinned to, hard. */
  readonly cpus: string
}

/** The hypervisor's own list, by name, without the Dom0. */
const domains = async (): Promise<Readonly<Record<string, Domain>>> => {
  const rows = (text: string) =>
    text
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
  const pinning = new Map(
    rows(await shell.ask('xl vcpu-list')).map((row) => [row[0], row.slice(6).join(' ').split(' / ')[0]]),
  )
  return Object.fromEntries(
    rows(await shell.ask('xl list'))
      .filter(([name]) => name !== 'Domain-0')
      .map(([name = '', id, memory, vcpus]) => [
        name,
        { id: Number(id), memoryMiB: Number(memory), vcpus: Number(vcpus), cpus: pinning.get(name) ?? '' },
      ]),
  )
}
const without = ({ memoryMiB, vcpus, cpus }: Domain) => ({ memoryMiB, vcpus, cpus })

/** samples/xen-lab.yaml */
const inInventory = {
  lab1: { memoryMiB: 256, vcpus: 1, cpus: '2' },
  lab2: { memoryMiB: 240, vcpus: 1, cpus: '3' },
  lab3: { memoryMiB: 248, vcpus: 2, cpus: '2-3' },
  lab4: { memoryMiB: 232, vcpus: 1, cpus: '2-3' },
}

/** Each guest's own web server says its name: it runs what it installed, and the bridge carries it to the network. */
const answers = async (number: number, name: RegExp): Promise<void> => {
  const url = `http://192.0.2.${220 + number}/name`
  const said = await lab.network.run('curl', ['-sS', '--retry', '60', '--retry-all-errors', '--retry-delay', '1', url])
  assert.match(said, name)
}

test('a bare machine installs itself and comes back from its own disk as a Dom0, with its bridge', async (t) => {
  await lab.bootstead.command('machine', 'install', dom0, '--with-guests')
  ;({ machine, shell } = await lab.powerOn())
  await machine.waitFor(/INSTALLER: done, rebooting/, {
    never: /REFUSED|INSTALLER: .*(refused|cannot)/,
    timeoutMs: minutes(6),
  })
  t.diagnostic(`installed ${secondsOn()}`)
  await machine.waitFor(/lab0: boot is local/, { never: /INSTALLER/ })
  await machine.waitFor(/\(XEN\) Command line: .*dom0_mem=1024M,max:1024M dom0_max_vcpus=2 dom0_vcpus_pin/)
  assert.match(await shell.ask('cat /proc/xen/capabilities', minutes(4)), /control_d/)
  t.diagnostic(`a Dom0 ${secondsOn()}`)
  assert.match(await shell.ask('ip -o -4 address show dev xenbr0'), / 192\.0\.2\.220\/24 /)
  assert.match(await shell.ask('ip -o link show dev eth0'), / master xenbr0 /)
  assert.match(await shell.ask('xl list'), /Domain-0 +0 +1024 +2 /)
})

test('its first boot installs three guests at once, and each then runs from its own disk', async (t) => {
  for (const guest of together) await lab.reached(guest, 'ready', minutes(10))
  t.diagnostic(`three guests ready ${secondsOn()}`)
  const intervals = await Promise.all(
    together.map(async (guest) => {
      const signs = await lab.signs(guest)
      assert.deepEqual(
        stagesOf(signs).filter((stage) => ['armed', 'kickstart', 'installed', 'ready', 'failed'].includes(stage)),
        ['armed', 'kickstart', 'installed', 'ready'],
      )
      const at = (wanted: string) => Date.parse(signs.findLast(({ stage }) => stage === wanted)?.at ?? '')
      return { guest, from: at('kickstart'), to: at('installed') }
    }),
  )
  const [lastStart, firstEnd] = [
    Math.max(...intervals.map(({ from }) => from)),
    Math.min(...intervals.map(({ to }) => to)),
  ]
  assert.ok(lastStart < firstEnd, `all were in their installers at once: ${JSON.stringify(intervals)}`)

  const running = await domains()
  for (const guest of together)
    assert.deepEqual(without(running[guest] ?? assert.fail(guest)), inInventory[guest as 'lab1'])
  await answers(1, /^lab1\b/)
  await answers(2, /^lab2\b/)
  await answers(3, /^lab3\b/)
})

test('an installer’s console is on a virtual terminal and in its log', async () => {
  const log = '/var/log/bootstead/lab4.install.log'
  const said = ['Linux .* is up', 'kickstart has', 'package core', 'running %post']
  for (const line of said) assert.match(await shell.ask(`grep -a -m 1 'INSTALLER: ${line}' ${log}`), /INSTALLER/)
  assert.match(await shell.ask(`cat /dev/vcs[2-9] | tr '\\0' ' ' | fold -w 80 | grep -a INSTALLER:`), /running %post/)
  assert.match(await shell.ask('ps -eo tty,args'), /^tty\d+ .*installguest --console lab4/m)
})

test('the power fails while a guest is installed: after it, that guest is installed and the others only start', async (t) => {
  const before = await Promise.all(together.map(async (guest) => (await lab.signs(guest)).length))
  assert.ok(!stagesOf(await lab.signs('lab4')).includes('installed'))
  await machine.cutPower()
  await lab.network.run('ip', ['address', 'add', '192.0.2.250/24', 'dev', 'br0']) // what lab4 waits for
  ;({ machine, shell } = await lab.powerOn())
  await machine.waitFor(/lab0: boot is local/, { never: /INSTALLER/ })
  await lab.reached(dom0, 'ready', minutes(8))
  t.diagnostic(`all ready ${secondsOn()}`)
  assert.deepEqual(
    await Promise.all(together.map(async (guest) => (await lab.signs(guest)).length)),
    before,
    'nothing was heard of those that were installed',
  )
  assert.ok(stagesOf(await lab.signs('lab4')).includes('ready'))
  const running = await domains()
  assert.deepEqual(
    Object.fromEntries(Object.entries(running).map(([name, domain]) => [name, without(domain)])),
    inInventory,
  )
  for (const [index, guest] of guests.entries()) await answers(index + 1, new RegExp(`^${guest}\\b`))
})

test('a changed row reaches the guest with xenconf and allguests reboot', async () => {
  const before = await domains()
  await lab.bootstead.command('machine', 'set', 'lab2', 'memory_mib=208')
  await shell.ask('xenconf')
  assert.equal((await domains())['lab2']?.memoryMiB, 240)
  await shell.ask('allguests reboot', minutes(6))
  const now = await domains()
  assert.equal(now['lab2']?.memoryMiB, 208)
  assert.deepEqual(Object.keys(now).sort(), Object.keys(before).sort())
  for (const [name, { id }] of Object.entries(before)) assert.notEqual(now[name]?.id, id)
  await answers(2, /^lab2\b/)
})

test('an added guest is installed, and no other is touched', async () => {
  const before = { domains: await domains(), signs: await Promise.all(guests.map(lab.signs)) }
  await shell.ask('lvcreate -q -y -L 160M -n lab5 guests')
  const interface_ = 'eth0,mac=00:16:3e:77:00:25,ip=192.0.2.225,network=xen-lab'
  const columns = ['profile=xen-lab-el9', 'dom0=lab0', 'vdisk=/dev/guests/lab5', 'vcpus=1', 'cpus=3', 'memory_mib=224']
  await lab.bootstead.command('machine', 'add', 'lab5', ...columns, '--interface', interface_)
  await lab.bootstead.command('machine', 'install', 'lab5')
  await shell.ask('xenconf')
  assert.match(await shell.ask('installguest lab5', minutes(6)), /installed and started/)
  await answers(5, /^lab5\b/)
  const { lab5, ...others } = await domains()
  assert.deepEqual(without(lab5 ?? assert.fail('lab5 does not run')), { memoryMiB: 224, vcpus: 1, cpus: '3' })
  assert.deepEqual(others, before.domains)
  assert.deepEqual(await Promise.all(guests.map(lab.signs)), before.signs)
})

// Firmware and loaders on a cable that loses, doubles and reorders frames: DHCP, TFTP and HTTP all come through it.
// A kernel and an initrd that lack an octet don't start: bzImage has a checksum, and so has gzip.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fillState, startBootstead, type Bootstead } from './bootstead.ts'
import { buildInitramfs } from './initramfs.ts'
import { makeDisk, startMachine, type Firmware } from './machine.ts'
import { openNetwork, type Network } from './network.ts'
import { unpackDebian } from './packages.ts'

let network: Network
let bootstead: Bootstead
const closers: (() => Promise<unknown>)[] = []

before(async () => {
  const debian = await unpackDebian()
  const image = { vmlinuz: debian.vmlinuz, 'initrd.img': await buildInitramfs(debian, 'wget') }
  const state = await mkdtemp(join(tmpdir(), 'bootstead-cable-'))
  closers.push(() => rm(state, { recursive: true }))
  await fillState(state, { 'lab-curl': image, 'lab-wget': image })
  network = await openNetwork()
  closers.push(network.close)
  const samples = join(import.meta.dirname, '../../samples')
  const documents = [join(samples, 'farm.yaml'), join(samples, 'boot-lab.yaml')]
  bootstead = await startBootstead(network, { inventory: `sqlite:${join(state, 'farm.sqlite')}`, state, documents })
  closers.push(bootstead.stop)
})

after(async () => {
  for (const close of closers.toReversed()) await close()
})

interface Sign {
  readonly stage: string
  readonly detail: string | null
}

const badness = { loss: 0.001, duplicates: 0.02, late: 0.05, delayMs: 8 }
const ways: readonly { title: string; host: string; mac: string; firmware: Firmware; loader: RegExp }[] = [
  {
    title: 'the ROM’s iPXE and PXELINUX',
    host: 'pxelinux',
    mac: '52:54:00:77:00:12',
    firmware: 'bios',
    loader: /PXELINUX 6/,
  },
  {
    title: 'EDK2’s PXE, shim and GRUB',
    host: 'grub',
    mac: '52:54:00:77:00:13',
    firmware: 'uefi',
    loader: /Welcome to GRUB/,
  },
]

for (const { title, host, mac, firmware, loader } of ways)
  test(`${title} come to the installer over a cable that loses 0.1 %, doubles 2 % and delays 5 % of all frames`, async (t) => {
    await bootstead.command('machine', 'rescue', host)
    const cable = await network.addBadCable(badness, 7)
    const disk = await makeDisk(`cable-${host}`)
    const machine = await startMachine(network, { name: `cable-${host}`, firmware, mac, disk, tap: cable })
    t.after(machine.stop)
    await machine.waitFor(loader, { timeoutMs: 300_000 })
    await machine.waitFor(/INSTALLER: rescue shell/, { timeoutMs: 300_000 })
    await machine.off()
    const { frames, lost } = await cable.count()
    assert.ok(frames > 1000 && lost > frames / 2000, `${lost} of ${frames} frames were lost`)
    const events = JSON.parse(await bootstead.command('timeline', host, '--json')) as readonly Sign[]
    t.diagnostic(`${lost} of ${frames} frames lost, ${Math.round(machine.secondsOn())} s`)
    assert.ok(events.some(({ stage }) => stage === 'loader'))
  })

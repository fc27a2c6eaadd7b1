// samples/xen-lab.yaml as the Xen test and the measurement run it: the server, and the one machine that is its Dom0.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startMariaDb } from '../mariadb.ts'
import { fillState, newDatabase, startBootstead, type Bootstead } from './bootstead.ts'
import { buildInitramfs } from './initramfs.ts'
import { makeDisk, startMachine, type Machine } from './machine.ts'
import { openNetwork, type Network } from './network.ts'
import { cacheFolder, unpackDebian } from './packages.ts'
import { openShell, type Shell } from './shell.ts'
import { dom0Tree, guestTree } from './trees.ts'

export const dom0 = 'lab0'
export const guests = ['lab1', 'lab2', 'lab3', 'lab4'] as const

export interface Sign {
  readonly stage: string
  readonly detail: string | null
  readonly at: string
}

export interface XenLab {
  readonly network: Network
  readonly bootstead: Bootstead
  /** A cold start with the same disk. */
  readonly powerOn: () => Promise<Readonly<{ machine: Machine; shell: Shell }>>
  /** What the server knows of a machine since it was last armed, oldest first. */
  readonly signs: (host: string) => Promise<readonly Sign[]>
  /** Waits until the stage is among a machine's signs. */
  readonly reached: (host: string, stage: string, timeoutMs: number) => Promise<void>
  readonly close: () => Promise<void>
}

/** Its machine has an empty disk and is switched off; nothing is armed. */
export const openXenLab = async (): Promise<XenLab> => {
  const debian = await unpackDebian()
  const trees = { 'xen-lab-dom0': await dom0Tree(), 'xen-lab-guest': await guestTree(debian) }
  const closers: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const closer of closers.toReversed()) await closer()
  }
  try {
    const state = await mkdtemp(join(tmpdir(), 'bootstead-xen-'))
    closers.push(() => rm(state, { recursive: true }))
    await fillState(state, {}, trees)
    const database = await startMariaDb()
    closers.push(database.stop)
    const network = await openNetwork()
    closers.push(network.close)
    const bootstead = await startBootstead(network, {
      inventory: newDatabase(database, 'xen'),
      state,
      documents: [join(import.meta.dirname, '../../samples/xen-lab.yaml')],
      templates: join(import.meta.dirname, 'templates'),
    })
    closers.push(bootstead.stop)
    const installer = ['--kernel', debian.vmlinuz, '--initrd', await buildInitramfs(debian, 'curl')]
    for (const name of Object.keys(trees))
      await bootstead.command('image', 'add', name, ...installer, '--tree-url', `repo/${name}`)
    const powerOn = await rack(network, closers)
    return { network, bootstead, powerOn, close, ...timelines(bootstead) }
  } catch (error) {
    await close()
    throw error
  }
}

const rack = async (network: Network, closers: (() => Promise<unknown>)[]): Promise<XenLab['powerOn']> => {
  const disk = await makeDisk('xen', 2048)
  const tap = await network.addTap()
  const port = join(cacheFolder, 'xen.port')
  const hardware = { firmware: 'bios', mac: '52:54:00:77:00:20', memoryMiB: 3072, cpus: 4 } as const
  let starts = 0
  return async () => {
    const machine = await startMachine(network, { ...hardware, name: `xen-${++starts}`, disk, tap, port })
    closers.push(machine.stop)
    return { machine, shell: await openShell(port) }
  }
}

const timelines = (bootstead: Bootstead): Pick<XenLab, 'signs' | 'reached'> => {
  const signs: XenLab['signs'] = async (host) => {
    const all = JSON.parse(await bootstead.command('timeline', host, '--json')) as readonly Sign[]
    return all.slice(all.findLastIndex(({ stage }) => stage === 'armed'))
  }
  const reached: XenLab['reached'] = async (host, stage, timeoutMs) => {
    const deadline = performance.now() + timeoutMs
    while (true) {
      const now = await signs(host)
      if (now.some((sign) => sign.stage === stage)) return
      const failed = now.find((sign) => sign.stage === 'failed')
      if (failed) throw new Error(`${host} failed: ${failed.detail ?? ''}`)
      if (performance.now() > deadline)
        throw new Error(`${host} is not ${stage} in ${timeoutMs / 1000} s, but ${now.at(-1)?.stage ?? 'silent'}`)
      await new Promise((resolve) => setTimeout(resolve, 4000)) // each look is a process that takes time from the emulator
    }
  }
  return { signs, reached }
}

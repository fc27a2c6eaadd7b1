// Hosts on wires, each a network namespace: nobody has a route that was not given. And `bootstead serve` on one of them.
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { EventEmitter, once } from 'node:events'
import { migrateStore } from '../../server/inventory/store/migrations.ts'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import type { Host } from '../boot/network.ts'
import { ended, openNamespace } from '../boot/network.ts'
import { fillStore } from '../fixtures.ts'

export type LabHost = Host & Readonly<{ ip: (line: string) => Promise<string> }>

export type Lab = Readonly<{
  /** @param cards by name, the wire of each and, if it is to have one, its address, as in `{eth0: 'farm 192.0.2.1/24'}` */
  addHost: (cards: Readonly<Record<string, string>>) => Promise<LabHost>
  /** A tap device on that wire for an emulated machine, and where that has to run. */
  addTap: (wire: string) => Promise<Readonly<{ tap: string; host: Host }>>
  close: () => Promise<void>
}>

/** A wire is a bridge, made when it is first named. */
export async function openLab(): Promise<Lab> {
  const patchRoom = withIp(await openNamespace())
  const opened: Host[] = [patchRoom]
  const wires = new Map<string, Promise<unknown>>()
  const ports = { count: 0 }
  const strung = (wire: string): Promise<unknown> => {
    const known = wires.get(wire)
    if (known !== undefined) return known
    const made = patchRoom
      .ip(`link add ${wire} type bridge forward_delay 0 mcast_snooping 0`)
      .then(() => patchRoom.ip(`link set ${wire} up`))
    wires.set(wire, made)
    return made
  }
  return {
    addHost: async (cards) => {
      const namespace = await openNamespace()
      const host = withIp(namespace)
      opened.push(host)
      await host.ip('link set lo up')
      for (const [card, place] of Object.entries(cards)) {
        const [wire = '', address] = place.split(' ')
        const port = `port${ports.count++}`
        await strung(wire)
        await patchRoom.ip(`link add ${port} type veth peer name ${card} netns ${namespace.pid}`)
        await patchRoom.ip(`link set ${port} master ${wire} up`)
        if (address !== undefined) await host.ip(`address add ${address} dev ${card}`)
        await host.ip(`link set ${card} up`)
      }
      return host
    },
    addTap: async (wire) => {
      const tap = `tap${ports.count++}`
      await strung(wire)
      await patchRoom.ip(`tuntap add ${tap} mode tap`)
      await patchRoom.ip(`link set ${tap} master ${wire} up`)
      return { tap, host: patchRoom }
    },
    close: async () => {
      for (const host of opened.toReversed()) await host.close()
    },
  }
}

const withIp = (host: Host): LabHost => ({ ...host, ip: (line) => host.run('ip', line.split(' ')) })

export type LogLine = Readonly<Record<string, unknown> & { msg: string }>

export type ServedLab = Readonly<{
  process: ChildProcess
  stateDir: string
  /** The first line of its log that satisfies it, written already or to come. Throws when the server ends first. */
  logged: (wanted: (line: LogLine) => boolean) => Promise<LogLine>
  /** Puts more rows into its inventory, or others in their places. */
  put: (inventory: string) => Promise<void>
  close: () => Promise<void>
}>

const program = join(import.meta.dirname, '../../bin/bootstead')
const allWords = ['--no-tftp', '--no-http', '--no-admin', '--log-level=debug', '--log-format=json']

/**
 * `bootstead serve` with DHCP alone; resolves when it serves.
 * @param launcher a program that starts what its last words name
 * @param flags more of `serve`
 */
export async function serveDhcp(
  host: Host,
  inventory: string,
  launcher: readonly string[] = [],
  flags: readonly string[] = [],
): Promise<ServedLab> {
  const stateDir = await mkdtemp(join(tmpdir(), 'bootstead-dhcp-'))
  const put: ServedLab['put'] = async (rows) => {
    const store = openStore(`sqlite:${join(stateDir, 'inventory.sqlite')}`)
    await migrateStore(store)
    await fillStore(store, rows)
    await closeStore(store)
  }
  await put(inventory)
  const [command, ...words] = [...launcher, program, 'serve', '--state', stateDir, ...allWords, ...flags]
  const child = host.spawn(command ?? program, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: LogLine[] = []
  const arrivals = new EventEmitter()
  let complaints = ''
  child.stderr?.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
  if (child.stdout !== null)
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(JSON.parse(line) as LogLine)
      arrivals.emit('line')
    })
  const gone = once(child, 'exit')
  const logged: ServedLab['logged'] = async (wanted) => {
    while (true) {
      const found = lines.find(wanted)
      if (found !== undefined) return found
      await Promise.race([once(arrivals, 'line'), gone])
      if (child.exitCode !== null) throw new Error(`bootstead ended (${child.exitCode}): ${complaints}`)
    }
  }
  const close = async (): Promise<void> => {
    await ended(child)
    await rm(stateDir, { recursive: true })
  }
  await logged(({ msg }) => msg === 'serving').catch(async (error: unknown) => {
    await close()
    throw error
  })
  return { process: child, stateDir, logged, put, close }
}

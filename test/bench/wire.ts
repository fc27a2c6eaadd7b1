// Two hosts on one wire, each a network namespace: the server's, and that of the load, where every client's address is at
// home. Programs of the first run on one processor, those of the second on the other.
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import type { Host } from '../boot/network.ts'
import { openNamespace } from '../boot/network.ts'
import { relayAddress, serverAddress } from './dhcp-client.ts'

export type Wire = Readonly<{
  server: Host
  clients: Host
  close: () => Promise<void>
}>

/** All of the farm's first 4,000 addresses and some more, without the server's and the relay's. */
const clientRanges = ['198.18.1.0/24', '198.18.2.0/23', '198.18.4.0/22', '198.18.8.0/21']

export async function openWire(): Promise<Wire> {
  const [server, clients] = [await openNamespace(), await openNamespace()]
  const ip = (host: Host, line: string): Promise<string> => host.run('ip', line.split(' '))
  for (const host of [server, clients]) await ip(host, 'link set lo up')
  await ip(server, `link add eth0 type veth peer name eth0 netns ${clients.pid}`)
  await ip(server, `address add ${serverAddress}/32 dev eth0`)
  await ip(clients, `address add ${relayAddress}/15 dev eth0`)
  for (const range of clientRanges) await ip(clients, `route add local ${range} dev lo`)
  for (const host of [server, clients]) await ip(host, 'link set eth0 up')
  // By way of the relay: as neighbours they would be more than the kernel remembers (gc_thresh3, 1,024 for all namespaces).
  await ip(server, `route add ${relayAddress} dev eth0`)
  await ip(server, `route add 198.18.0.0/15 via ${relayAddress}`)
  const close = async (): Promise<void> => {
    await clients.close()
    await server.close()
  }
  return { server: onProcessor(server, 0), clients: onProcessor(clients, 1), close }
}

const onProcessor = (host: Host, processor: number): Host => ({
  ...host,
  spawn: (command, args, options?: SpawnOptions): ChildProcess =>
    host.spawn('taskset', ['-c', String(processor), command, ...args], options),
})

const ticksPerSecond = 100 // USER_HZ on every Linux that Node runs on

/** Processor time of that process and its children, so far, in seconds. */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  const own = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  return childrenOf(pid).reduce((sum, child) => sum + cpuSecondsOf(child), own)
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
}

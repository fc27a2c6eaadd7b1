// A network of the test's own: a namespace with a bridge and one tap per machine, which dies with the test process.
import { execFile, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Badness } from '../protocol/bad-wire.ts'
import { cacheFolder } from './packages.ts'

const run = promisify(execFile)

export const serverAddress = '192.0.2.1'
const bridge = 'br0'

type Ports = [machine: number, cable: number, socket: number, plug: number]

/** A network stack of its own: that of the server, or of another host. */
export interface Host {
  /** Starts a program inside; it is killed when the test process dies, however that happens. */
  readonly spawn: (command: string, args: readonly string[], options?: SpawnOptions) => ChildProcess
  /** Runs a program inside to its end; its standard output. */
  readonly run: (command: string, args: readonly string[], options?: Pick<SpawnOptions, 'env'>) => Promise<string>
  readonly close: () => Promise<void>
}

/** Ethernet frames in UDP datagrams on the network's loopback, between these ports. */
export interface Cable {
  readonly machine: number
  readonly cable: number
  /** Frames that it has carried, and of these the lost ones. */
  readonly count: () => Promise<Readonly<{ frames: number; lost: number }>>
}

export interface Network extends Host {
  /** A new tap device on the bridge, for one machine. */
  readonly addTap: () => Promise<string>
  /** A cable of that kind into the bridge, for one machine; the numbers it draws are the seed's. */
  readonly addBadCable: (badness: Badness, seed: number) => Promise<Cable>
  /** Another host, with cards of these names on the bridge; they are down. */
  readonly addHost: (cards: readonly string[]) => Promise<Host>
}

/**
 * The namespace has no name: it lives as long as the process that holds it, so nothing is left over after a crash and
 * two runs never meet. Needs root (CAP_SYS_ADMIN, CAP_NET_ADMIN).
 */
export const openNamespace = async (): Promise<Host & Readonly<{ pid: number }>> => {
  const holder = spawnTied('unshare', ['--net', 'sh', '-c', 'echo up; exec sleep infinity'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const started = await Promise.race([
    once(holder.stdout ?? holder, 'data'),
    once(holder, 'exit').then(() => undefined),
  ])
  if (started === undefined || holder.pid === undefined)
    throw new Error('cannot make a network namespace: the boot tests run as root')
  const inside = ['--net', `--target=${String(holder.pid)}`, '--']
  return {
    pid: holder.pid,
    spawn: (command, args, options = {}) => spawnTied('nsenter', [...inside, command, ...args], options),
    run: async (command, args, options = {}) => (await run('nsenter', [...inside, command, ...args], options)).stdout,
    close: () => ended(holder),
  }
}

/** @param addresses `own`: hosts make their IPv6 addresses; `given`: routers tell them to ask for them by DHCPv6 */
export const openNetwork = async (addresses: 'own' | 'given' = 'own'): Promise<Network> => {
  const network = await openNamespace()
  const ip = (line: string) => network.run('ip', line.split(' '))
  await ip('link set lo up')
  await ip(`link add ${bridge} type bridge forward_delay 0 mcast_snooping 0`)
  await ip(`address add ${serverAddress}/24 dev ${bridge}`)
  await ip(`address add 2001:db8::1/64 dev ${bridge} nodad`)
  await ip('link add port0 type veth peer name port1') // a bridge has a carrier only with a port that has one
  await ip('link set port1 up')
  await ip(`link set port0 master ${bridge} up`)
  await ip(`link set ${bridge} up`)
  await ip(`route add 255.255.255.255/32 dev ${bridge}`) // a broadcast answer needs to know which link it means
  const advertiser = await (addresses === 'own' ? advertiseRouter(network) : advertiseDhcp6(network))
  let taps = 0
  const cables: ChildProcess[] = []
  const addTap = async () => {
    const tap = `tap${String(taps++)}`
    await ip(`tuntap add ${tap} mode tap`)
    await ip(`link set ${tap} master ${bridge} up`)
    return tap
  }
  const addBadCable = async (badness: Badness, seed: number): Promise<Cable> => {
    const tap = `tap${String(taps++)}`
    const [machine, cable, socket, plug] = [0, 1, 2, 3].map((port) => 20_000 + taps * 10 + port) as Ports
    // Frames from a tap have whole checksums, unlike those that a packet socket sees on a bridge.
    const peer = `UDP4-DATAGRAM:127.0.0.1:${String(socket)},bind=127.0.0.1:${String(plug)}`
    const plugged = network.spawn('socat', ['-b', '65536', `TUN,tun-type=tap,tun-name=${tap},iff-no-pi,iff-up`, peer])
    const job = JSON.stringify({ ports: { machine, cable, socket, plug }, badness, seed })
    const carrier = network.spawn(
      process.execPath,
      ['--import', 'tsx', join(import.meta.dirname, 'bad-cable.ts'), job],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    )
    cables.push(plugged, carrier)
    if (carrier.stdout === null) throw new Error('a bad cable tells nothing')
    const said = createInterface(carrier.stdout)[Symbol.asyncIterator]()
    await said.next()
    for (let tries = 0; ; tries++)
      try {
        await ip(`link set ${tap} master ${bridge}`)
        break
      } catch (error) {
        if (tries === 50) throw error
        await pause(100)
      }
    const count = async () => {
      carrier.stdin?.write('\n')
      return JSON.parse((await said.next()).value as string) as Readonly<{ frames: number; lost: number }>
    }
    return { machine, cable, count }
  }
  const addHost = async (cards: readonly string[]) => {
    const host = await openNamespace()
    for (const card of cards) {
      await ip(`link add ${card}-port type veth peer name ${card}`)
      await ip(`link set ${card} netns ${String(host.pid)}`)
      await ip(`link set ${card}-port master ${bridge} up`)
    }
    return host
  }
  const close = async () => {
    for (const child of [...cables, advertiser]) await ended(child)
    await network.close()
  }
  return { ...network, addTap, addBadCable, addHost, close }
}

/**
 * iPXE configures IPv4 and IPv6 and waits 13 s for a router advertisement when none comes; dnsmasq sends only those here.
 * `--no-daemon`: it changes no credentials, which would make the kernel forget to kill it.
 */
const advertiseRouter = async (network: Pick<Network, 'spawn'>): Promise<ChildProcess> => {
  const options = ['--no-daemon', '--conf-file=/dev/null', '--port=0', '--pid-file']
  const range = ['--enable-ra', `--interface=${bridge}`, '--dhcp-range=2001:db8::,ra-only', '--ra-param=br0,10']
  const dnsmasq = network.spawn('dnsmasq', [...options, ...range], { stdio: 'ignore' })
  await once(dnsmasq, 'spawn')
  return dnsmasq
}

/** radvd, whose flags can say that somebody else has a DHCPv6 server. */
const advertiseDhcp6 = async (network: Pick<Network, 'spawn'>): Promise<ChildProcess> => {
  const [config, pid] = [join(cacheFolder, 'radvd.conf'), join(cacheFolder, 'radvd.pid')]
  await mkdir(cacheFolder, { recursive: true })
  await writeFile(
    config,
    `interface ${bridge} { AdvSendAdvert on; AdvManagedFlag on; AdvOtherConfigFlag on; MinRtrAdvInterval 3;
     MaxRtrAdvInterval 10; prefix 2001:db8::/64 { AdvAutonomous off; }; };`,
  )
  const words = ['--nodaemon', '--logmethod', 'none', '--config', config, '--pidfile', pid]
  const radvd = network.spawn('radvd', words, { stdio: 'ignore' })
  await once(radvd, 'spawn')
  return radvd
}

/** `setpriv --pdeathsig` is why nothing outlives the test process: the kernel does the killing. */
const spawnTied = (command: string, args: readonly string[], options: SpawnOptions): ChildProcess =>
  spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], options)

/** Ends a child and waits until it has. */
export const ended = async (child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  const impatience = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(impatience)
}

// Where clients are captured: a wire with a DHCP and TFTP server, another behind ISC dhcrelay, and an eye on the server's
// card. The server is dnsmasq, so that what clients send does not depend on what ours answers.
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatMac } from '../../server/plan/dhcp/options.ts'
import { decodeDhcp } from '../../server/render/dhcp.ts'
import type { Host } from '../boot/network.ts'
import { ended } from '../boot/network.ts'
import { requireHostFiles } from '../boot/packages.ts'
import type { LabHost } from '../protocol/dhcp-lab.ts'
import { openLab } from '../protocol/dhcp-lab.ts'
import type { Packet } from '../protocol/packets.ts'
import { watchPackets } from '../protocol/packets.ts'
import type { Captured } from './captures.ts'
import { capturedIn, shapeOf } from './captures.ts'

/** The server's own wire, and the one behind the relay. */
export type Wire = 'near' | 'away'

/** Where a client is plugged in, and what it is given. */
export type Place = Readonly<{
  wire: Wire
  mac: string
  ip: string
  /** A path under the lab's folder for TFTP, or a URL. */
  bootfile?: string
  /** It is not told a boot file, but to ask a boot server for it, on port 4011. */
  asksBootServer?: boolean
}>

export type CaptureLab = Readonly<{
  /** What TFTP serves. */
  folder: string
  plugHost: (place: Place) => Promise<LabHost>
  plugMachine: (place: Place) => Promise<Readonly<{ tap: string; host: Host }>>
  /** A host that has that address already. */
  addSquatter: (place: Place) => Promise<Host>
  /** What that client has sent to the server so far: what it was before it fetched its boot file, and what since. */
  sent: (place: Place) => Readonly<{ before: readonly Captured[]; since: readonly Captured[] }>
  close: () => Promise<void>
}>

export const card = 'eth0'
const serverAddress = '192.0.2.1'

/** Throws an error that names the packages to install. */
export async function openCaptureLab(places: readonly Place[]): Promise<CaptureLab> {
  requireHostFiles([
    { file: 'dnsmasq', debian: 'dnsmasq-base' },
    { file: 'dhcrelay', debian: 'isc-dhcp-relay' },
  ])
  const folder = await mkdtemp(join(tmpdir(), 'bootstead-capture-'))
  const lab = await openLab()
  const server = await lab.addHost({ near0: `near ${serverAddress}/24` })
  const relay = await lab.addHost({ near0: 'near 192.0.2.254/24', away0: 'away 198.51.100.1/24' })
  await server.ip('route add 198.51.100.0/24 via 192.0.2.254')
  await relay.run('sysctl', ['-q', '-w', 'net.ipv4.ip_forward=1'])
  const config = join(folder, 'dnsmasq.conf')
  await writeFile(config, dnsmasqConfig(folder, places))
  const watch = await watchPackets(server, 'near0', 'udp and (port 67 or port 4011 or dst port 69)')
  const daemons = [
    server.spawn('dnsmasq', ['--no-daemon', `--conf-file=${config}`, '--pid-file'], { stdio: 'ignore' }),
    relay.spawn('dhcrelay', ['-4', '-d', '--no-pid', '-a', '-id', 'away0', '-iu', 'near0', serverAddress], {
      stdio: 'ignore',
    }),
  ]
  await Promise.all(daemons.map((daemon) => once(daemon, 'spawn')))
  return {
    folder,
    plugHost: async ({ wire, mac }) => {
      const host = await lab.addHost({ [card]: wire })
      await host.ip(`link set ${card} address ${mac}`)
      return host
    },
    plugMachine: ({ wire }) => lab.addTap(wire),
    addSquatter: ({ wire, ip }) => lab.addHost({ [card]: `${wire} ${ip}/24` }),
    sent: (place) => {
      const packets = watch.packets()
      const fetched = packets.findIndex(({ from, to }) => to.port === 69 && from.address === place.ip)
      const captured = (part: readonly Packet[]): readonly Captured[] =>
        unlike(part.filter(isRequestOf(place)).map(capturedIn))
      return fetched === -1
        ? { before: captured(packets), since: [] }
        : { before: captured(packets.slice(0, fetched)), since: captured(packets.slice(fetched)) }
    },
    close: async () => {
      for (const daemon of daemons) await ended(daemon)
      await watch.close()
      await lab.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** Until it is so. @throws after that time, naming what was awaited */
export async function until(what: string, isSo: () => boolean, patienceMs: number): Promise<void> {
  for (const deadline = performance.now() + patienceMs; !isSo(); await sleep(100))
    if (performance.now() > deadline) throw new Error(`${what}: not in ${patienceMs / 1000} s`)
}

const dnsmasqConfig = (folder: string, places: readonly Place[]): string => `port=0
user=root
interface=near0
bind-interfaces
leasefile-ro
dhcp-authoritative
dhcp-range=192.0.2.0,static,255.255.255.0
dhcp-range=198.51.100.0,static,255.255.255.0
enable-tftp
tftp-root=${folder}
dhcp-vendorclass=set:http-client,HTTPClient
dhcp-option-force=tag:http-client,60,HTTPClient
${places.map(({ mac, ip }, index) => `dhcp-host=${mac},${ip},set:place${index}`).join('\n')}
${places.map(bootLines).join('')}`

const bootLines = ({ bootfile, asksBootServer = false }: Place, index: number): string => {
  if (asksBootServer)
    return `pxe-service=tag:place${index},x86PC,boot,boot\npxe-service=tag:place${index},X86-64_EFI,boot,boot\n`
  return bootfile === undefined ? '' : `dhcp-boot=tag:place${index},${bootfile}\n`
}

const isRequestOf =
  ({ mac }: Place) =>
  ({ to, payload }: Packet): boolean => {
    if (to.port === 69) return false
    const { op, chaddr } = decodeDhcp(payload)
    return op === 'request' && formatMac(chaddr) === mac
  }

/** Without what is sent again because nobody answered. */
function unlike(captured: readonly Captured[]): readonly Captured[] {
  const shapes = captured.map(shapeOf)
  return captured.filter((one, index) => shapes.indexOf(shapeOf(one)) === index)
}

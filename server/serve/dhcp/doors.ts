// Which doors DHCP has: one on port 67 that gives addresses, or those of proxyDHCP, where another server gives them.
import type { Logger } from 'pino'
import { answerDhcp } from '../../plan/dhcp/answer.ts'
import type { DhcpContext } from '../../plan/dhcp/asker.ts'
import type { DhcpMode } from '../../plan/dhcp/proxy.ts'
import { answerProxyDhcp, PXE_PORT } from '../../plan/dhcp/proxy.ts'
import type { Live } from '../live.ts'
import { describeHolder, udpHolders } from '../udp/port-holders.ts'
import type { Surroundings } from './answering.ts'
import { dhcpAnswering } from './answering.ts'
import type { DhcpDoor, DhcpDoorOptions } from './door.ts'
import { openDhcpDoor } from './door.ts'
import { openStandings } from './standings.ts'

type DoorName = 'dhcp' | 'pxe'

const doorsOf: Readonly<Record<DhcpMode, readonly DoorName[]>> = {
  server: ['dhcp'],
  proxy: ['dhcp', 'pxe'],
  'proxy-4011': ['pxe'],
}

export type DhcpDoorsOptions = Pick<
  DhcpDoorOptions,
  'address' | 'port' | 'inherited' | 'clientPort' | 'relayPort' | 'log'
> &
  Readonly<{
    mode: DhcpMode
    /** 4011 anywhere but in a test that shares its host. */
    pxePort?: number
  }>

export type DhcpDoors = Readonly<{
  ports: Readonly<Record<DoorName, number | null>>
  close: () => Promise<void>
}>

/** @throws what bind() says of either port; whatever was open is closed again */
export async function openDhcpDoors(
  { mode, pxePort = PXE_PORT, inherited = [], ...common }: DhcpDoorsOptions,
  { onChange, ...surroundings }: Omit<Surroundings, 'plan' | 'log'> & Pick<Live, 'onChange'>,
): Promise<DhcpDoors> {
  if (mode === 'proxy-4011' && inherited.length > 0)
    throw new Error(
      'systemd hands over sockets for port 67, which another server has if dhcp_mode is proxy-4011: disable their units',
    )
  const { log } = common
  const standings = openStandings(surroundings.context)
  onChange(standings.changed)
  const context = (): DhcpContext => {
    const { snapshot, server, known, now } = surroundings.context()
    return { snapshot, server, known, now, standings: standings.find } // at each request: a spread would take ten times as long
  }
  const answering = (plan: Surroundings['plan']) => dhcpAnswering({ ...surroundings, context, plan, log })
  const openings: Readonly<Record<DoorName, () => Promise<DhcpDoor>>> = {
    dhcp: () =>
      openDhcpDoor({ ...common, inherited, answer: answering(mode === 'server' ? answerDhcp : onPort('dhcp')) }),
    pxe: () => openDhcpDoor({ ...common, port: pxePort, replyToSender: true, answer: answering(onPort('pxe')) }),
  }
  const opened = new Map<DoorName, DhcpDoor>()
  const close = async (): Promise<void> => {
    standings.close()
    for (const door of opened.values()) await door.close()
  }
  try {
    for (const name of doorsOf[mode]) opened.set(name, await openings[name]())
    for (const { port } of opened.values()) await tellOfOthers(port, log)
  } catch (error) {
    await close()
    throw error
  }
  const portOf = (name: DoorName): number | null => opened.get(name)?.port ?? null
  return { ports: { dhcp: portOf('dhcp'), pxe: portOf('pxe') }, close }
}

/** Those that share the port as we do (docs/decisions.md); beside one that doesn't, opening it has failed. */
async function tellOfOthers(port: number, log: Logger): Promise<void> {
  const others = (await udpHolders(port)).filter(({ pid }) => pid !== process.pid)
  if (others.length > 0)
    log.warn(
      { port, programs: others.map(describeHolder) },
      'dhcp: another program has this port too: machines may be answered twice, and what relays and renewing machines send reaches one of the two; stop it, unless it keeps to interfaces of its own',
    )
}

const onPort =
  (port: DoorName): Surroundings['plan'] =>
  (context, request, arrival) =>
    answerProxyDhcp(context, request, port, arrival)

// Which doors this server has open, and where; of the others, why not.
import { isIPv6 } from 'node:net'
import type { RunningServer } from '../serve/server.ts'
import type { OpenDoor } from '../serve/presence.ts'
import { doorNames } from './settings.ts'
import type { Config, Door } from './settings.ts'

type Where = Pick<Config, 'doors' | 'listen' | 'dhcpMode' | 'adminListen'>
type Ports = RunningServer['ports'] & Readonly<{ admin: number | null }>

export const doorStates = (config: Where, ports: Ports): readonly OpenDoor[] =>
  doorNames.map((door) => {
    const [address, port] = placeOf(config, ports, door)
    return port === null
      ? { door, at: null, note: config.doors.includes(door) ? 'not open' : 'switched off by the setting doors' }
      : { door, at: `${isIPv6(address) ? `[${address}]` : address}:${port}`, note: howOpen(config, door) }
  })

function placeOf({ listen, adminListen }: Where, ports: Ports, door: Door): readonly [string, number | null] {
  if (door === 'admin') return [adminListen, ports.admin]
  if (door === 'dhcp') return [listen === '::' ? '0.0.0.0' : listen, ports.dhcp ?? ports.pxe]
  return [listen, ports[door]]
}

const howOpen = ({ dhcpMode }: Where, door: Door): string =>
  door === 'dhcp' && dhcpMode !== 'server' ? `beside another DHCP server (${dhcpMode})` : ''

// A request as that firmware would send it, for `explain`, which asks without opening a socket.
import type { MacAddress } from '../../inventory/address.ts'
import type { Platform } from './clients.ts'
import { architectureTypes } from './clients.ts'
import type { DhcpMessage } from './message.ts'
import { MESSAGE_TYPE, NO_ADDRESS, OPTION } from './message.ts'
import { ascii, u16, u8 } from './options.ts'

/** What asks: the firmware's PXE ROM, UEFI HTTP boot, iPXE, or an operating system that doesn't boot. */
export type AskingStage = 'firmware' | 'http' | 'ipxe' | 'system'

/** A DISCOVER, broadcast on the machine's own network. */
export function discoverFrom(mac: MacAddress, platform: Platform, stage: AskingStage): DhcpMessage {
  const row = architectureTypes.find((one) => one.platform === platform && one.http === (stage === 'http'))
  const type = row?.type ?? 0
  const options = new Map<number, Uint8Array>([[OPTION.messageType, u8(MESSAGE_TYPE.DISCOVER)]])
  if (stage !== 'system') {
    options.set(
      OPTION.vendorClass,
      ascii(`${stage === 'http' ? 'HTTPClient' : 'PXEClient'}:Arch:${String(type).padStart(5, '0')}:UNDI:003016`),
    )
    options.set(OPTION.clientArchitecture, u16(type))
  }
  if (stage === 'ipxe') options.set(OPTION.userClass, ascii('iPXE'))
  const none = NO_ADDRESS
  const chaddr = Uint8Array.from(mac.split(':'), (octet) => Number.parseInt(octet, 16))
  return {
    op: 'request',
    htype: 1,
    hops: 0,
    xid: 1,
    secs: 0,
    broadcast: true,
    ciaddr: none,
    yiaddr: none,
    siaddr: none,
    giaddr: none,
    chaddr,
    sname: '',
    file: '',
    options,
  }
}

/** What it asks on port 4011 then: a REQUEST (PXE 2.1 §2.2). */
export const requestAfter = (discover: DhcpMessage): DhcpMessage => ({
  ...discover,
  broadcast: false,
  options: new Map([...discover.options, [OPTION.messageType, u8(MESSAGE_TYPE.REQUEST)]]),
})

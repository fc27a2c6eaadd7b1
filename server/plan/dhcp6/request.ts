// A request as that firmware would send it, for `explain`, which asks without opening a socket.
import type { MacAddress } from '../../inventory/address.ts'
import type { Platform } from '../dhcp/clients.ts'
import { architectureTypes } from '../dhcp/clients.ts'
import { u16 } from '../dhcp/options.ts'
import type { AskingStage } from '../dhcp/request.ts'
import type { Dhcp6Message, Option6 } from './message.ts'
import { OPTION6 } from './message.ts'
import { association, joined, vendorClassOption } from './options.ts'

/** PEN of Intel, which PXE's vendor classes go by. */
const INTEL = 343

/** A SOLICIT on the machine's own link. */
export function solicitFrom(mac: MacAddress, platform: Platform, stage: AskingStage): Dhcp6Message {
  const row = architectureTypes.find((one) => one.platform === platform && one.http === (stage === 'http'))
  const type = row?.type ?? 0
  const octets = Uint8Array.from(mac.split(':'), (octet) => Number.parseInt(octet, 16))
  const word = `${stage === 'http' ? 'HTTPClient' : 'PXEClient'}:Arch:${String(type).padStart(5, '0')}:UNDI:003016`
  const ipxe = new Uint8Array(Buffer.from('iPXE'))
  const boots: readonly Option6[] = [
    vendorClassOption(INTEL, word),
    { code: OPTION6.clientArchitecture, value: u16(type) },
    ...(stage === 'ipxe' ? [{ code: OPTION6.userClass, value: joined([u16(ipxe.length), ipxe]) }] : []),
  ]
  return {
    type: 'SOLICIT',
    transactionId: 1,
    options: [
      { code: OPTION6.clientId, value: joined([u16(3), u16(1), octets]) }, // DUID-LL of Ethernet, RFC 8415 §11.4
      association({ kind: 'IA_NA', iaid: 1 }, [0, 0], []),
      ...(stage === 'system' ? [] : boots),
    ],
    relays: [],
  }
}

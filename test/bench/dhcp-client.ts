// A relay that asks for one machine and waits for the offer: how a bench knows that a DHCP server has an answer.
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import type { DhcpMessage } from '../../server/plan/dhcp/message.ts'
import { OPTION } from '../../server/plan/dhcp/message.ts'
import { discoverFrom } from '../../server/plan/dhcp/request.ts'
import { decodeDhcp, encodeDhcp } from '../../server/render/dhcp.ts'
import type { MacAddress } from '../../server/inventory/address.ts'

/** Addresses of the bench's own network namespace: the server's, and the relay's, whose port 67 we are. */
export const serverAddress = '198.18.0.1'
export const relayAddress = '198.19.255.253'

export type DhcpProbe = Readonly<{
  /** Asks every few milliseconds until an offer for that MAC satisfies `wanted`; the offer's address. */
  untilOffered: (mac: string, wanted: (offer: DhcpMessage) => boolean, signal: AbortSignal) => Promise<string>
  close: () => void
}>

export async function openDhcpProbe(): Promise<DhcpProbe> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  socket.bind(67, relayAddress)
  await once(socket, 'listening')
  const counter = { xid: 1 }
  return {
    untilOffered: (mac, wanted, signal) => untilOffered(socket, counter, mac, wanted, signal),
    close: () => socket.close(),
  }
}

async function untilOffered(
  socket: Socket,
  counter: { xid: number },
  mac: string,
  wanted: (offer: DhcpMessage) => boolean,
  signal: AbortSignal,
): Promise<string> {
  const request = discoverFrom(mac as MacAddress, 'uefi-x64', 'firmware')
  const options = new Map([
    ...request.options,
    [OPTION.parameterRequestList, Uint8Array.of(1, 3, 6, 12, 15, 43, 60, 66, 67)] as const,
  ])
  const first = counter.xid
  return new Promise((resolve, reject) => {
    const ask = (): void => {
      const message = { ...request, options, hops: 1, xid: counter.xid++, giaddr: relayAddress, broadcast: false }
      socket.send(encodeDhcp(message, { maxSize: 548 }), 67, serverAddress, () => undefined) // nobody listens yet: ask again
    }
    const timer = setInterval(ask, 5)
    const end = (): void => {
      clearInterval(timer)
      socket.off('message', take)
      signal.removeEventListener('abort', giveUp)
    }
    const giveUp = (): void => {
      end()
      reject(new Error(`no offer for ${mac}`))
    }
    const take = (datagram: Buffer): void => {
      const offer = decodeDhcp(datagram)
      if (offer.xid < first || offer.yiaddr === '0.0.0.0' || !wanted(offer)) return
      end()
      resolve(offer.yiaddr)
    }
    socket.on('message', take)
    signal.addEventListener('abort', giveUp)
    ask()
  })
}

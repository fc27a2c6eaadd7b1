// How a transfer reaches its client: a line for each, by whichever way of sending this machine has.

import type { Logger } from 'pino'
import { loadLibc } from '../udp/libc.ts'
import { ownLines } from './own-lines.ts'
import type { UdpPeer } from '../udp/peer.ts'
import { sharedLines } from './shared-lines.ts'

/** From one local address to one client's TID. What can't be sent is lost, as datagrams are; `failed` hears of it. */
export type Line = Readonly<{
  /** DATA `block`, with the octets of the file from `start` up to `end`. */
  data: (block: number, bytes: Uint8Array, start: number, end: number) => void
  send: (packet: Uint8Array) => void
  close: () => void
}>

/** Who sits at this end of a line. */
export type Listening = Readonly<{
  /** `datagram` is valid during the call only. */
  receive: (datagram: Uint8Array) => void
  /** Something that was sent did not leave; or, with own lines, the client's port is closed. */
  failed: (why: string) => void
}>

export type Lines = Readonly<{
  name: string
  /** How many can be open at once. */
  most: number
  /**
   * @param local where the client's request arrived: it drops answers from another address of the same server
   * @throws when there is no socket to be had
   */
  open: (local: string, peer: UdpPeer, listening: Listening) => Promise<Line>
}>

/** The batches of Linux where there are some: half the processor time of Node's own sockets, and no descriptor for each client. */
export async function openLines(log: Logger): Promise<Lines> {
  const libc = await loadLibc()
  const lines = typeof libc === 'string' ? ownLines() : sharedLines(libc)
  log.info({ why: typeof libc === 'string' ? libc : undefined }, `tftp sends by ${lines.name}`)
  return lines
}

// One read transfer, from the first DATA or OACK to the last ACK, on a socket (a TID, RFC 1350 §4) of its own.
//
// The socket is connect()ed to the client: sending is then twice as fast, and the kernel drops whatever comes from
// anyone else. So a foreign TID never reaches this code and gets no ERROR 5; RFC 1350 §4 asks that it must not disturb
// the transfer, and it cannot. The same connection makes the kernel report a client that is gone (ECONNREFUSED).

import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Negotiated } from './options.ts'
import { decodeTftp, encodeDataHeader, encodeError, encodeOptionAck, ERROR_CODE } from './packet.ts'

export type TftpPeer = Readonly<{ address: string; port: number }>

export type TransferEnd = Readonly<{
  path: string
  peer: TftpPeer
  outcome: 'complete' | 'aborted'
  why: string | null
  /** Octets of the file that the client acknowledged. */
  bytes: number
  durationMs: number
}>

export type TransferOptions = Readonly<{
  path: string
  peer: TftpPeer
  bytes: Uint8Array
  negotiated: Negotiated
  /** Where the client's request arrived: a client drops answers from another address of the same server. */
  localAddress: string
  onEnd: (end: TransferEnd) => void
}>

/** With the doubling below a silent client is given up after 1+2+4+8+8+8 seconds. */
const RETRANSMISSIONS = 5
const BACKOFF_AT_MOST_MS = 8000

/** Addresses here are always literals, and Node's default would send each of them through getaddrinfo's thread. */
export const literalAddress: NonNullable<SocketOptions['lookup']> = (address, _options, callback) =>
  callback(null, address, isIPv6(address) ? 6 : 4)

export class TftpTransfer {
  readonly #options: TransferOptions
  readonly #socket: Socket
  /** A file always ends in a DATA shorter than blksize, so an exact multiple (0 too) ends in an empty one. */
  readonly #blocks: number
  readonly #startedAt = performance.now()
  #timer: NodeJS.Timeout | undefined
  #state: 'opening' | 'awaiting-oack' | 'sending' | 'ended' = 'opening'
  /** Blocks the client has, and blocks sent at least once; both count on beyond 65535. */
  #acknowledged = 0
  #sent = 0
  #retransmissions = 0
  #windowSentTwice = false
  #windowBeforeSentTwice = false

  constructor(options: TransferOptions) {
    this.#options = options
    this.#blocks = Math.floor(options.bytes.length / options.negotiated.blksize) + 1
    this.#socket = createSocket({ type: isIPv6(options.peer.address) ? 'udp6' : 'udp4', lookup: literalAddress })
  }

  start(): void {
    this.#socket.on('error', (error) => this.#end(`socket: ${error.message}`))
    this.#socket.on('message', (datagram, peer) => this.#guard(() => this.#receive(datagram, peer)))
    this.#socket.on('connect', () => this.#guard(() => this.#begin()))
    this.#guard(() => {
      this.#socket.bind({ address: this.#options.localAddress, port: 0, exclusive: true })
      this.#socket.connect(this.#options.peer.port, this.#options.peer.address)
    })
  }

  /** Ends the transfer without a word: an ERROR from here could pass for the answer to the client's next request. */
  abandon(why: string): void {
    this.#end(why)
  }

  /** Ends the transfer and tells the client. */
  stop(why: string): void {
    if (this.#state === 'awaiting-oack' || this.#state === 'sending') {
      this.#guard(() => this.#socket.send(encodeError(ERROR_CODE.undefined, why)))
    }
    this.#end(why)
  }

  /** Whatever goes wrong in one transfer ends that transfer and nothing else. */
  #guard(step: () => void): void {
    if (this.#state === 'ended') return
    try {
      step()
    } catch (error) {
      this.#end(error instanceof Error ? error.message : String(error))
    }
  }

  #begin(): void {
    this.#state = this.#options.negotiated.accepted.size > 0 ? 'awaiting-oack' : 'sending'
    this.#transmit()
    this.#arm()
  }

  #receive(datagram: Uint8Array, sender: RemoteInfo): void {
    // The kernel filters from connect() on; this is for what arrived in the microseconds between bind() and connect().
    if (sender.port !== this.#options.peer.port || sender.address !== this.#options.peer.address) return
    const packet = decodeTftp(datagram)
    if (packet.kind === 'ack') return this.#acknowledge(packet.block)
    // RFC 1350 §7: an ERROR is neither acknowledged nor answered. Anything else has no business at this TID.
    if (packet.kind === 'error') return this.#end(`the client ended it: ${packet.message} (error ${packet.code})`)
  }

  #acknowledge(block: number): void {
    if (this.#state === 'awaiting-oack') {
      if (block !== 0) return
      this.#state = 'sending'
      return this.#proceed()
    }
    const newlyAcknowledged = (block - this.#acknowledged) & 0xffff
    if (newlyAcknowledged === 0) return this.#repeatedAck()
    if (newlyAcknowledged > this.#sent - this.#acknowledged) return // late, or invented
    this.#acknowledged += newlyAcknowledged
    if (this.#acknowledged === this.#blocks) return this.#end(null)
    this.#windowBeforeSentTwice = this.#windowSentTwice
    this.#windowSentTwice = false
    this.#proceed()
  }

  /**
   * Answering a repeated ACK with DATA is the sorcerer's apprentice bug (RFC 1123 §4.2.3.1): each duplicate breeds
   * another to the end of the file. In lock-step it is never answered. In a window (RFC 7440 §4) it can mean that the
   * first block was lost, so it restarts the window: once, and not right after a window that was itself sent twice,
   * since that one's copies are then the likelier cause.
   */
  #repeatedAck(): void {
    if (this.#options.negotiated.windowsize === 1) return
    if (this.#windowSentTwice || this.#windowBeforeSentTwice) return
    this.#windowSentTwice = true
    this.#transmit()
  }

  #proceed(): void {
    this.#transmit()
    if (this.#retransmissions === 0) return void this.#timer?.refresh()
    this.#retransmissions = 0
    this.#arm()
  }

  /** Sends what is due now: the OACK, or the window that follows the last acknowledged block. */
  #transmit(onError?: (error: Error | null) => void): void {
    if (this.#state === 'awaiting-oack') {
      return this.#socket.send(encodeOptionAck(this.#options.negotiated.accepted), onError)
    }
    const { bytes, negotiated } = this.#options
    const last = Math.min(this.#acknowledged + negotiated.windowsize, this.#blocks)
    for (let block = this.#acknowledged + 1; block <= last; block++) {
      const end = block * negotiated.blksize
      this.#socket.send([encodeDataHeader(block), bytes.subarray(end - negotiated.blksize, end)], onError)
    }
    this.#sent = last
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const { timeoutMs } = this.#options.negotiated
    const backedOffMs = Math.min(timeoutMs * 2 ** this.#retransmissions, Math.max(timeoutMs, BACKOFF_AT_MOST_MS))
    this.#timer = setTimeout(() => this.#guard(() => this.#retransmit()), backedOffMs)
  }

  #retransmit(): void {
    if (this.#retransmissions === RETRANSMISSIONS) return this.#end(`no answer to ${this.#awaited()}`)
    this.#retransmissions++
    this.#windowSentTwice = true
    // Only here are send errors asked for: a callback costs a tick per packet, and a lasting error comes back here.
    this.#transmit((error) => {
      if (error) this.#end(`send: ${error.message}`)
    })
    this.#arm()
  }

  #awaited(): string {
    return this.#state === 'awaiting-oack' ? 'OACK' : `block ${this.#acknowledged + 1} of ${this.#blocks}`
  }

  /** `why` is null when the client has the whole file. */
  #end(why: string | null): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    clearTimeout(this.#timer)
    this.#socket.close()
    const { path, peer, bytes, negotiated, onEnd } = this.#options
    onEnd({
      path,
      peer,
      outcome: why === null ? 'complete' : 'aborted',
      why,
      bytes: Math.min(this.#acknowledged * negotiated.blksize, bytes.length),
      durationMs: performance.now() - this.#startedAt,
    })
  }
}

// The TFTP door: listens, admits read requests, and gives each a transfer of its own. Read only.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import type { Logger } from 'pino'
import { negotiate } from './options.ts'
import { decodeTftp, encodeError, encodeNetascii, ERROR_CODE, type ErrorCode, type RequestPacket } from './packet.ts'
import { literalAddress, TftpTransfer, type TftpPeer, type TransferEnd } from './transfer.ts'

export type { TftpPeer, TransferEnd } from './transfer.ts'

export type Served =
  | Readonly<{ kind: 'bytes'; bytes: Uint8Array }>
  | Readonly<{ kind: 'refused'; code: 'not-found' | 'access-violation'; why: string }>

/** `path` has no leading slash, no `..` segment, no backslash, no control character. `why` goes to the client. */
export type TftpResolve = (path: string, peer: TftpPeer) => Served | Promise<Served>

export type TftpLimits = Readonly<{ transfers: number; transfersPerClient: number }>

export type TftpDoorOptions = Readonly<{
  /** An IPv6 address, `::` included, is IPv6 only: a door has one family. */
  address: string
  port: number
  resolve: TftpResolve
  log: Logger
  /** Called once for every transfer that was begun; a refused request is not one. */
  onEnd?: (end: TransferEnd) => void
  limits?: TftpLimits
  /** How long close() lets running transfers go on. */
  graceMs?: number
}>

export type TftpDoor = Readonly<{
  address: string
  port: number
  /** Requests being resolved and transfers under way. */
  active: () => number
  /** Stops listening at once, lets running transfers finish for up to `graceMs`, then ends them. */
  close: () => Promise<void>
}>

/** Below the usual limit of 1024 descriptors; one client, or one address that hides a rack, can't take all of it. */
const LIMITS: TftpLimits = { transfers: 800, transfersPerClient: 100 }
const GRACE_MS = 5000

/** A whole rack powered on at once asks within a millisecond: room for some thousand requests. */
const RECEIVE_BUFFER_BYTES = 1024 * 1024

/** Netascii is for text and needs a translated copy, so it is kept to the size of texts. */
const NETASCII_MAX_BYTES = 1024 * 1024

/** A client's TID, taken when its request is admitted and given back when its transfer ends. */
type Admitted = { readonly peer: TftpPeer; readonly request: Uint8Array; transfer: TftpTransfer | null }

type Refusal = Readonly<{ kind: 'error'; code: ErrorCode; message: string }>

/** @throws what bind() says: address in use, not local, or a port that needs privilege */
export async function openTftpDoor(options: TftpDoorOptions): Promise<TftpDoor> {
  const socket = createSocket({
    type: isIPv6(options.address) ? 'udp6' : 'udp4',
    ipv6Only: isIPv6(options.address),
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    lookup: literalAddress,
  })
  try {
    const listening = once(socket, 'listening')
    socket.bind({ address: options.address, port: options.port, exclusive: true })
    await listening
  } catch (cause) {
    socket.close()
    throw new Error(`listen for TFTP on ${options.address} port ${options.port}`, { cause })
  }
  const listener = new Listener(socket, options)
  const { address, port } = socket.address()
  let closed: Promise<void> | null = null
  return { address, port, active: () => listener.active, close: () => (closed ??= listener.close()) }
}

class Listener {
  readonly #socket: Socket
  readonly #options: TftpDoorOptions
  readonly #limits: TftpLimits
  readonly #admitted = new Map<string, Admitted>()
  readonly #perClient = new Map<string, number>()
  #closing = false
  #onIdle: (() => void) | null = null

  constructor(socket: Socket, options: TftpDoorOptions) {
    this.#socket = socket
    this.#options = options
    this.#limits = options.limits ?? LIMITS
    socket.on('error', (err) => options.log.error({ err }, 'tftp socket'))
    socket.on('message', (datagram, { address, port }) => this.#receive(datagram, { address, port }))
  }

  get active(): number {
    return this.#admitted.size
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#socket.close()
    if (this.#admitted.size === 0) return
    const idle = new Promise<void>((resolve) => (this.#onIdle = resolve))
    const grace = setTimeout(() => this.#stopAll(), this.#options.graceMs ?? GRACE_MS)
    await idle
    clearTimeout(grace)
  }

  #stopAll(): void {
    for (const admitted of [...this.#admitted.values()]) {
      if (admitted.transfer) admitted.transfer.stop('the server is stopping')
      else this.#release(admitted) // still being resolved; the answer will find its place gone
    }
  }

  #receive(datagram: Uint8Array, peer: TftpPeer): void {
    // A source port of 0 can be forged but not answered: send() throws on it.
    if (peer.port === 0) return this.#drop(peer, 'source port 0')
    try {
      this.#handle(datagram, peer)
    } catch (err) {
      this.#options.log.error({ peer, err }, 'tftp datagram dropped')
    }
  }

  #handle(datagram: Uint8Array, peer: TftpPeer): void {
    const packet = decodeTftp(datagram)
    switch (packet.kind) {
      case 'read':
        return this.#admit(packet, datagram, peer)
      case 'write':
        return this.#refuse(peer, packet.path, refusal('accessViolation', 'this server is read only'))
      case 'malformed':
        return this.#refuse(peer, '', refusal('illegalOperation', packet.why))
      case 'noise':
        return this.#drop(peer, packet.why)
      case 'ack':
      case 'error': // RFC 1350 §7: never answered
        return this.#drop(peer, `${packet.kind} outside any transfer`)
    }
  }

  #admit(request: RequestPacket, datagram: Uint8Array, peer: TftpPeer): void {
    const earlier = this.#admitted.get(tidOf(peer))
    // The same request once more crossed our answer on its way; the running transfer retransmits by itself.
    if (earlier && Buffer.compare(earlier.request, datagram) === 0) return this.#drop(peer, 'duplicate request')
    const refused = refusalOfRequest(request)
    if (refused) return this.#refuse(peer, request.path, refused)
    if (earlier) this.#supersede(earlier)
    if (this.#isFull(peer)) return this.#drop(peer, 'too many transfers; the client will ask again')
    const admitted: Admitted = { peer, request: datagram, transfer: null }
    this.#admitted.set(tidOf(peer), admitted)
    this.#perClient.set(peer.address, (this.#perClient.get(peer.address) ?? 0) + 1)
    const path = withoutLeadingSlashes(request.path)
    this.#answer(admitted, request, path).catch((err: unknown) => {
      this.#options.log.error({ path, peer, err }, 'tftp request failed')
      this.#release(admitted)
      this.#refuse(peer, path, refusal('undefined', 'the server could not read this file'))
    })
  }

  async #answer(admitted: Admitted, request: RequestPacket, path: string): Promise<void> {
    const { peer } = admitted
    const content = contentFor(request.mode, await this.#options.resolve(path, peer))
    if (this.#admitted.get(tidOf(peer)) !== admitted) return // superseded, or the door has closed
    if (content.kind === 'error') {
      this.#release(admitted)
      return this.#refuse(peer, path, content)
    }
    admitted.transfer = new TftpTransfer({
      path,
      peer,
      bytes: content.bytes,
      negotiated: negotiate(request.options, content.bytes.length),
      localAddress: this.#options.address,
      onEnd: (end) => this.#ended(admitted, end),
    })
    admitted.transfer.start()
  }

  #ended(admitted: Admitted, end: TransferEnd): void {
    this.#release(admitted)
    const { path, peer, bytes, why, durationMs } = end
    this.#options.log.info({ path, peer, bytes, why, durationMs: Math.round(durationMs) }, `tftp ${end.outcome}`)
    try {
      this.#options.onEnd?.(end)
    } catch (err) {
      this.#options.log.error({ path, peer, err }, 'tftp onEnd')
    }
  }

  /** Another request from the same port: a ROM that has but one port has left its former transfer behind. */
  #supersede(earlier: Admitted): void {
    if (earlier.transfer) earlier.transfer.abandon('the client asked for something else from the same port')
    else this.#release(earlier)
  }

  #isFull({ address }: TftpPeer): boolean {
    const { transfers, transfersPerClient } = this.#limits
    return this.#admitted.size >= transfers || (this.#perClient.get(address) ?? 0) >= transfersPerClient
  }

  #release(admitted: Admitted): void {
    const { peer } = admitted
    if (this.#admitted.get(tidOf(peer)) !== admitted) return
    this.#admitted.delete(tidOf(peer))
    const left = (this.#perClient.get(peer.address) ?? 1) - 1
    if (left === 0) this.#perClient.delete(peer.address)
    else this.#perClient.set(peer.address, left)
    if (this.#admitted.size === 0) this.#onIdle?.()
  }

  #refuse(peer: TftpPeer, path: string, { code, message }: Refusal): void {
    this.#options.log.debug({ path, peer, why: message }, 'tftp refused')
    if (this.#closing) return
    this.#socket.send(encodeError(code, message), peer.port, peer.address, (err) => {
      if (err) this.#drop(peer, err.message)
    })
  }

  #drop(peer: TftpPeer, why: string): void {
    this.#options.log.debug({ peer, why }, 'tftp dropped')
  }
}

const tidOf = ({ address, port }: TftpPeer): string => `${address} ${port}`

const withoutLeadingSlashes = (path: string): string => path.replace(/^\/+/, '')

const refusal = (code: keyof typeof ERROR_CODE, message: string): Refusal => ({
  kind: 'error',
  code: ERROR_CODE[code],
  message,
})

/** What can be refused before asking for the file. The resolver has the last word on paths; these none may get past. */
function refusalOfRequest({ path, mode }: RequestPacket): Refusal | null {
  if (withoutLeadingSlashes(path) === '') return refusal('fileNotFound', 'the request names no file')
  if (/[\p{Cc}\\]/u.test(path)) return refusal('accessViolation', 'backslash or control character in the path')
  if (path.split('/').includes('..')) return refusal('accessViolation', 'the path leads upwards')
  if (mode !== 'octet' && mode !== 'netascii') {
    return refusal('illegalOperation', 'modes are octet and netascii') // `mail`: RFC 1350 §1, obsolete
  }
  return null
}

function contentFor(mode: string, served: Served): Extract<Served, { kind: 'bytes' }> | Refusal {
  if (served.kind === 'refused') {
    return refusal(served.code === 'not-found' ? 'fileNotFound' : 'accessViolation', served.why)
  }
  if (mode === 'octet') return served
  // Tried by hand, tftp-hpa's default mode is netascii; a kernel must not arrive mangled, a boot menu may be asked for.
  if (served.bytes.length > NETASCII_MAX_BYTES) return refusal('undefined', 'netascii is for text; use mode octet')
  return { kind: 'bytes', bytes: encodeNetascii(served.bytes) }
}

// The TFTP door: admits read requests, within limits, and gives each a transfer of its own. Read only.

import type { Logger } from 'pino'
import { Conversation, type TransferEnd } from './conversation.ts'
import { openLines, type Lines } from './lines.ts'
import { openListeners, type Request } from './listeners.ts'
import { negotiate } from './options.ts'
import { decodeTftp, encodeError, encodeNetascii, type RequestPacket } from './packet.ts'
import type { TftpPeer } from './peer.ts'
import { refusal, refusalLimit, refusalOfRequest, withoutLeadingSlashes, type Refusal } from './refusal.ts'

export type { TransferEnd } from './conversation.ts'
export type { TftpPeer } from './peer.ts'

export type Served =
  /** `release`, if given, is called once, when nobody will read the bytes any more. */
  | Readonly<{ kind: 'bytes'; bytes: Uint8Array; release?: () => void }>
  | Readonly<{ kind: 'refused'; code: 'not-found' | 'access-violation' | 'busy'; why: string }>

/** `path` has no leading slash, no `..` segment, no backslash, no control character. `why` goes to the client. */
export type TftpResolve = (path: string, peer: TftpPeer) => Served | Promise<Served>

/** `waitMs` is how long a request beyond them waits for its turn before it is refused. */
export type TftpLimits = Readonly<{ transfers: number; transfersPerClient: number; waiting: number; waitMs: number }>

export type TransferProgress = Readonly<{ path: string; peer: TftpPeer; bytes: number; size: number }>

export type TftpDoorOptions = Readonly<{
  /** `0.0.0.0` and `::` are all addresses of that family: a door has one. */
  address: string
  port: number
  resolve: TftpResolve
  log: Logger
  /** Called once for every transfer that was begun; a refused request is not one. */
  onEnd?: (end: TransferEnd) => void
  /** Called at intervals for every transfer that takes longer than one. */
  onProgress?: (progress: TransferProgress) => void
  progressMs?: number
  limits?: Partial<TftpLimits>
  /** How long close() lets running transfers go on. */
  graceMs?: number
  /** How often this host's addresses are looked for. */
  lookMs?: number
  /** Instead of the best that this machine has. */
  lines?: Lines
}>

export type TftpDoor = Readonly<{
  address: string
  port: number
  /** Requests that wait or are being resolved, and transfers under way. */
  active: () => number
  /** Stops listening at once, lets running transfers finish for up to `graceMs`, then ends them. */
  close: () => Promise<void>
}>

/**
 * A client beyond its share waits, and asks again meanwhile, as it does when a request is lost: refused at once, a rack
 * that is powered on as a whole would lose machines.
 */
const LIMITS = { transfersPerClient: 100, waiting: 1000, waitMs: 10_000 }
const GRACE_MS = 5000
const PROGRESS_MS = 30_000

/** Netascii is for text and needs a translated copy, so it is kept to the size of texts. */
const NETASCII_MAX_BYTES = 1024 * 1024

/** A client's TID, taken when its request arrives and given back when its transfer ends. */
type Admitted = Readonly<{ request: Request; read: RequestPacket; path: string }> & { stage: Stage }
type Stage =
  | Readonly<{ kind: 'waiting'; timer: NodeJS.Timeout }>
  | Readonly<{ kind: 'resolving' }>
  | Readonly<{ kind: 'transfer'; conversation: Conversation; release: () => void }>

/** @throws what bind() says: address in use, not local, or a port that needs privilege */
export async function openTftpDoor(options: TftpDoorOptions): Promise<TftpDoor> {
  const { address, port, log, lookMs } = options
  const counter = new Counter(options, options.lines ?? (await openLines(log)))
  const listeners = await openListeners({
    address,
    port,
    log,
    receive: counter.receive,
    ...(lookMs === undefined ? {} : { lookMs }),
  })
  const progress = setInterval(counter.tellProgress, options.progressMs ?? PROGRESS_MS)
  let closed: Promise<void> | null = null
  const close = (): Promise<void> => {
    clearInterval(progress)
    listeners.close()
    return counter.close()
  }
  return { address, port: listeners.port, active: () => counter.active, close: () => (closed ??= close()) }
}

class Counter {
  readonly #options: TftpDoorOptions
  readonly #lines: Lines
  readonly #limits: TftpLimits
  readonly #mayRefuse = refusalLimit()
  readonly #admitted = new Map<string, Admitted>()
  /** Those of them that wait, in the order in which they came. */
  readonly #waiting = new Set<Admitted>()
  /** Those that don't. */
  readonly #perClient = new Map<string, number>()
  #isClosing = false
  #onIdle: (() => void) | null = null

  constructor(options: TftpDoorOptions, lines: Lines) {
    this.#options = options
    this.#lines = lines
    this.#limits = { transfers: lines.most, ...LIMITS, ...options.limits }
  }

  get active(): number {
    return this.#admitted.size
  }

  async close(): Promise<void> {
    this.#isClosing = true
    for (const waiting of [...this.#waiting]) this.#release(waiting)
    if (this.#admitted.size === 0) return
    const idle = new Promise<void>((resolve) => (this.#onIdle = resolve))
    const grace = setTimeout(() => this.#stopAll(), this.#options.graceMs ?? GRACE_MS)
    await idle
    clearTimeout(grace)
  }

  #stopAll(): void {
    for (const admitted of [...this.#admitted.values()]) {
      if (admitted.stage.kind === 'transfer') admitted.stage.conversation.stop('the server is stopping')
      else this.#release(admitted) // still being resolved; the answer will find its place gone
    }
  }

  readonly receive = (request: Request): void => {
    const { peer } = request
    // A source port of 0 can be forged but not answered: send() throws on it.
    if (peer.port === 0) return this.#drop(peer, 'source port 0')
    try {
      this.#handle(request)
    } catch (err) {
      this.#options.log.error({ peer, err }, 'tftp datagram dropped')
    }
  }

  readonly tellProgress = (): void => {
    const { onProgress, progressMs = PROGRESS_MS } = this.#options
    for (const { stage, path, request } of this.#admitted.values()) {
      if (stage.kind !== 'transfer') continue
      const { bytes, size, ageMs } = stage.conversation.progress()
      if (bytes > 0 && ageMs >= progressMs)
        this.#tell('onProgress', () => onProgress?.({ path, peer: request.peer, bytes, size }))
    }
  }

  #handle(request: Request): void {
    const packet = decodeTftp(request.datagram)
    switch (packet.kind) {
      case 'read':
        return this.#admit(packet, request)
      case 'write':
        return this.#refuse(request, packet.path, refusal('accessViolation', 'this server is read only'))
      case 'malformed':
        return this.#refuse(request, '', refusal('illegalOperation', packet.why))
      case 'noise':
        return this.#drop(request.peer, packet.why)
      case 'ack':
      case 'error': // RFC 1350 §7: never answered
        return this.#drop(request.peer, `${packet.kind} outside any transfer`)
    }
  }

  #admit(read: RequestPacket, request: Request): void {
    const { peer } = request
    const earlier = this.#admitted.get(tidOf(peer))
    // The same request once more crossed our answer on its way; the running transfer retransmits by itself.
    if (earlier && Buffer.compare(earlier.request.datagram, request.datagram) === 0)
      return this.#drop(peer, 'duplicate request')
    const refused = refusalOfRequest(read)
    if (refused) return this.#refuse(request, read.path, refused)
    if (earlier) this.#supersede(earlier)
    const admitted: Admitted = { request, read, path: withoutLeadingSlashes(read.path), stage: { kind: 'resolving' } }
    if (!this.#isFull(peer)) {
      this.#admitted.set(tidOf(peer), admitted)
      return this.#begin(admitted)
    }
    if (this.#waiting.size >= this.#limits.waiting) return this.#refuse(request, admitted.path, this.#busy())
    this.#admitted.set(tidOf(peer), admitted)
    this.#wait(admitted)
  }

  #wait(admitted: Admitted): void {
    const timer = setTimeout(() => {
      this.#release(admitted)
      this.#refuse(admitted.request, admitted.path, this.#busy())
    }, this.#limits.waitMs)
    admitted.stage = { kind: 'waiting', timer }
    this.#waiting.add(admitted)
  }

  #busy(): Refusal {
    return refusal(
      'undefined',
      `the server is busy with ${this.#admitted.size - this.#waiting.size} transfers; try again`,
    )
  }

  #begin(admitted: Admitted): void {
    const { request, path } = admitted
    const { address } = request.peer
    admitted.stage = { kind: 'resolving' }
    this.#perClient.set(address, (this.#perClient.get(address) ?? 0) + 1)
    this.#answer(admitted).catch((err: unknown) => {
      this.#options.log.error({ path, peer: request.peer, err }, 'tftp request failed')
      this.#release(admitted)
      this.#refuse(request, path, refusal('undefined', 'the server could not read this file'))
    })
  }

  async #answer(admitted: Admitted): Promise<void> {
    const { request, read, path } = admitted
    const { peer, local } = request
    const served = await this.#options.resolve(path, peer)
    const release = (served.kind === 'bytes' && served.release) || ((): void => undefined)
    if (this.#admitted.get(tidOf(peer)) !== admitted) return release() // superseded, or the door has closed
    const content = contentFor(read.mode, served)
    if (content.kind === 'refused') {
      release()
      this.#release(admitted)
      return this.#refuse(request, path, content.refusal)
    }
    const { bytes } = content
    const conversation = new Conversation({
      path,
      peer,
      bytes,
      negotiated: negotiate(read.options, bytes.length),
      onEnd: (end) => this.#ended(admitted, end),
    })
    admitted.stage = { kind: 'transfer', conversation, release }
    await conversation.begin(this.#lines, local)
  }

  #ended(admitted: Admitted, end: TransferEnd): void {
    this.#release(admitted)
    const { path, peer, bytes, size, why, durationMs } = end
    this.#options.log.info({ path, peer, bytes, size, why, durationMs: Math.round(durationMs) }, `tftp ${end.outcome}`)
    this.#tell('onEnd', () => this.#options.onEnd?.(end))
  }

  /** Whoever listens to us can't end a transfer by throwing. */
  #tell(what: string, call: () => void): void {
    try {
      call()
    } catch (err) {
      this.#options.log.error({ err }, `tftp ${what}`)
    }
  }

  /** Another request from the same port: a ROM that has but one port has left its former transfer behind. */
  #supersede(earlier: Admitted): void {
    if (earlier.stage.kind === 'transfer')
      earlier.stage.conversation.abandon('the client asked for something else from the same port')
    else this.#release(earlier)
  }

  #isFull({ address }: TftpPeer): boolean {
    const { transfers, transfersPerClient } = this.#limits
    return (
      this.#admitted.size - this.#waiting.size >= transfers || (this.#perClient.get(address) ?? 0) >= transfersPerClient
    )
  }

  #release(admitted: Admitted): void {
    const { peer } = admitted.request
    if (this.#admitted.get(tidOf(peer)) !== admitted) return
    this.#admitted.delete(tidOf(peer))
    if (admitted.stage.kind === 'waiting') {
      clearTimeout(admitted.stage.timer)
      this.#waiting.delete(admitted)
    } else {
      if (admitted.stage.kind === 'transfer') admitted.stage.release()
      const left = (this.#perClient.get(peer.address) ?? 1) - 1
      if (left === 0) this.#perClient.delete(peer.address)
      else this.#perClient.set(peer.address, left)
      this.#beginNext()
    }
    if (this.#admitted.size === 0) this.#onIdle?.()
  }

  /** The place that was given back goes to who waited longest, of clients that have not had their share. */
  #beginNext(): void {
    for (const waiting of this.#waiting) {
      if (this.#isFull(waiting.request.peer)) continue
      if (waiting.stage.kind === 'waiting') clearTimeout(waiting.stage.timer)
      this.#waiting.delete(waiting)
      return this.#begin(waiting)
    }
  }

  #refuse(request: Request, path: string, { code, message }: Refusal): void {
    const { peer } = request
    this.#options.log.debug({ path, peer, why: message }, 'tftp refused')
    if (this.#isClosing) return
    if (!this.#mayRefuse(peer.address)) return this.#drop(peer, 'too many errors to this address')
    request.reply(encodeError(code, message))
  }

  #drop(peer: TftpPeer, why: string): void {
    this.#options.log.debug({ peer, why }, 'tftp dropped')
  }
}

const tidOf = ({ address, port }: TftpPeer): string => `${address} ${port}`

type Content = Readonly<{ kind: 'bytes'; bytes: Uint8Array }> | Readonly<{ kind: 'refused'; refusal: Refusal }>

const errorOf = { 'not-found': 'fileNotFound', 'access-violation': 'accessViolation', busy: 'undefined' } as const

function contentFor(mode: string, served: Served): Content {
  if (served.kind === 'refused') return { kind: 'refused', refusal: refusal(errorOf[served.code], served.why) }
  if (mode === 'octet') return served
  // Tried by hand, tftp-hpa's default mode is netascii; a kernel must not arrive mangled, a boot menu may be asked for.
  if (served.bytes.length > NETASCII_MAX_BYTES)
    return { kind: 'refused', refusal: refusal('undefined', 'netascii is for text; use mode octet') }
  return { kind: 'bytes', bytes: encodeNetascii(served.bytes) }
}

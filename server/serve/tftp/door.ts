// The TFTP door: admits read requests, within limits, and gives each a transfer of its own. Read only.

import type { Logger } from 'pino'
import { quietLog, type QuietLog } from '../quiet.ts'
import { Conversation, type TransferEnd } from './conversation.ts'
import { openLines, type Lines } from './lines.ts'
import { openListeners, type Request } from './listeners.ts'
import { negotiate } from './options.ts'
import { decodeTftp, encodeError, ERROR_CODE, type RequestPacket } from './packet.ts'
import type { UdpPeer } from '../udp/peer.ts'
import { openPlaces, type Places, type TftpLimits } from './places.ts'
import { refusal, refusalLimit, refusalOfRequest, withoutLeadingSlashes, type Refusal } from './refusal.ts'
import { contentFor, type TftpResolve } from './served.ts'

export type { TransferEnd } from './conversation.ts'
export type { UdpPeer } from '../udp/peer.ts'
export type { TftpLimits } from './places.ts'
export type { Served, TftpResolve } from './served.ts'

export type TransferProgress = Readonly<{ path: string; peer: UdpPeer; bytes: number; size: number }>

export type TftpDoorOptions = Readonly<{
  /** `0.0.0.0` is all addresses of IPv4, `::` all of both families. */
  address: string
  port: number
  resolve: TftpResolve
  log: Logger
  /** Called once for every transfer that was begun; a refused request is not one. */
  onEnd?: (end: TransferEnd) => void
  /** Called for every transfer that takes longer than an interval, at the end of each in which it got another tenth further. */
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

const LIMITS = { transfersPerClient: 100, waiting: 1000, waitMs: 10_000 }
const GRACE_MS = 5000
const PROGRESS_MS = 30_000
const LINES_PER_MINUTE = 20

/** How long a client may take for its first answer before it can lose its place to one that waits. */
const FIRST_ANSWER_MS = 1000

/** A client's TID, taken when its request arrives and given back when its transfer ends. */
type Admitted = Readonly<{ request: Request; read: RequestPacket; path: string }> & { stage: Stage }
type Stage =
  | Readonly<{ kind: 'waiting' | 'resolving' }>
  | Readonly<{ kind: 'transfer'; conversation: Conversation; tenthsTold: number }>

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
  const close = async (): Promise<void> => {
    clearInterval(progress)
    await Promise.all([listeners.close(), counter.close()])
  }
  return { address, port: listeners.port, active: () => counter.active, close: () => (closed ??= close()) }
}

class Counter {
  readonly #options: TftpDoorOptions
  readonly #lines: Lines
  /** Of transfers whose client took nothing, and of requests that fail: a forged one makes a line each. */
  readonly #quiet: QuietLog
  readonly #mayRefuse = refusalLimit()
  readonly #admitted = new Map<string, Admitted>()
  readonly #places: Places<Admitted>
  #isClosing = false
  #onIdle: (() => void) | null = null

  constructor(options: TftpDoorOptions, lines: Lines) {
    this.#options = options
    this.#lines = lines
    this.#quiet = quietLog(options.log, LINES_PER_MINUTE)
    this.#places = openPlaces<Admitted>(
      { transfers: lines.most, ...LIMITS, ...options.limits },
      {
        clientOf: ({ request }) => request.peer.address,
        begin: (admitted) => this.#begin(admitted),
        refuse: (admitted) => this.#refuseBusy(admitted),
        isIdle: ({ stage }) => stage.kind === 'transfer' && stage.conversation.isUnheardFor(FIRST_ANSWER_MS),
        evict: ({ stage }) => {
          if (stage.kind === 'transfer') stage.conversation.giveUp('no answer, and others waited for its place')
        },
      },
    )
  }

  get active(): number {
    return this.#admitted.size
  }

  async close(): Promise<void> {
    this.#isClosing = true
    this.#quiet.close()
    for (const admitted of [...this.#admitted.values()]) if (admitted.stage.kind === 'waiting') this.#release(admitted)
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
      this.#quiet.error({ peer, err }, 'tftp datagram dropped')
    }
  }

  readonly tellProgress = (): void => {
    const { onProgress, progressMs = PROGRESS_MS } = this.#options
    for (const admitted of this.#admitted.values()) {
      const { stage, path, request } = admitted
      if (stage.kind !== 'transfer') continue
      const { bytes, size, ageMs } = stage.conversation.progress()
      const tenths = Math.floor((bytes * 10) / Math.max(size, 1))
      if (ageMs < progressMs || tenths === stage.tenthsTold) continue
      admitted.stage = { ...stage, tenthsTold: tenths }
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
    const admitted: Admitted = { request, read, path: withoutLeadingSlashes(read.path), stage: { kind: 'waiting' } }
    this.#admitted.set(tidOf(peer), admitted)
    this.#places.ask(admitted)
  }

  #refuseBusy(admitted: Admitted): void {
    this.#release(admitted)
    const why = `the server is busy with ${this.#places.taken()} transfers; try again`
    this.#refuse(admitted.request, admitted.path, refusal('undefined', why))
  }

  #begin(admitted: Admitted): void {
    const { request, path } = admitted
    admitted.stage = { kind: 'resolving' }
    this.#answer(admitted).catch((err: unknown) => {
      this.#quiet.error({ path, peer: request.peer, err }, 'tftp request failed')
      this.#release(admitted)
      this.#refuse(request, path, refusal('undefined', 'the server could not read this file'))
    })
  }

  async #answer(admitted: Admitted): Promise<void> {
    const { request, read, path } = admitted
    const { peer, local } = request
    const served = await this.#options.resolve(path, peer)
    if (this.#admitted.get(tidOf(peer)) !== admitted) return // superseded, or the door has closed
    const content = contentFor(read.mode, served)
    if (content.kind === 'refused') {
      this.#release(admitted)
      if (content.refusal.code === ERROR_CODE.accessViolation)
        this.#quiet.info({ path, peer, why: content.refusal.message }, 'tftp refused')
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
    admitted.stage = { kind: 'transfer', conversation, tenthsTold: 0 }
    await conversation.begin(this.#lines, local)
  }

  #ended(admitted: Admitted, end: TransferEnd): void {
    this.#release(admitted)
    const { path, peer, bytes, size, why, durationMs } = end
    const log = bytes > 0 || end.outcome === 'complete' ? this.#options.log : this.#quiet
    log.info({ path, peer, bytes, size, why, durationMs: Math.round(durationMs) }, `tftp ${end.outcome}`)
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
      earlier.stage.conversation.supersede('the client asked for something else from the same port')
    else this.#release(earlier)
  }

  #release(admitted: Admitted): void {
    const { peer } = admitted.request
    if (this.#admitted.get(tidOf(peer)) !== admitted) return
    this.#admitted.delete(tidOf(peer))
    this.#places.leave(admitted)
    if (this.#admitted.size === 0) this.#onIdle?.()
  }

  #refuse(request: Request, path: string, { code, message }: Refusal): void {
    const { peer } = request
    this.#options.log.debug({ path, peer, why: message }, 'tftp refused')
    if (this.#isClosing) return
    if (!this.#mayRefuse(peer.address)) return this.#drop(peer, 'too many errors to this address')
    request.reply(encodeError(code, message))
  }

  #drop(peer: UdpPeer, why: string): void {
    this.#options.log.debug({ peer, why }, 'tftp dropped')
  }
}

const tidOf = ({ address, port }: UdpPeer): string => `${address} ${port}`

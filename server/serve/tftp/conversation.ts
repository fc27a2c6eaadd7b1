// A transfer under way: its rules, its line to the client, and its timer.

import type { Line, Lines, Listening } from './lines.ts'
import type { Negotiated } from './options.ts'
import { decodeTftp, encodeError, encodeOptionAck, ERROR_CODE } from './packet.ts'
import type { UdpPeer } from '../udp/peer.ts'
import { openTransfer, type Step, type Transfer } from './transfer.ts'

export type TransferEnd = Readonly<{
  path: string
  peer: UdpPeer
  /** `declined`: the client wanted to know the size, or asked for something else before it took any of this. */
  outcome: 'complete' | 'aborted' | 'declined'
  why: string | null
  /** Octets of the file that the client acknowledged, and all that there are. */
  bytes: number
  size: number
  durationMs: number
}>

type ConversationOptions = Readonly<{
  path: string
  peer: UdpPeer
  bytes: Uint8Array
  negotiated: Negotiated
  onEnd: (end: TransferEnd) => void
}>

/**
 * What ROMs and loaders say who wanted to know the size, or whether there is such a file: 0 (iPXE, GRUB) and 8 (RFC 2347;
 * EDK2). The others are reasons: 3 is a disk or a memory that is full.
 */
const QUESTION_CODES: readonly number[] = [0, 8]

export class Conversation {
  readonly #options: ConversationOptions
  readonly #transfer: Transfer
  readonly #startedAt = performance.now()
  #line: Line | null = null
  #timer: NodeJS.Timeout | undefined
  #waitMs = 0
  #hasEnded = false
  /** Why something that was sent last did not leave. */
  #failure: string | null = null

  constructor(options: ConversationOptions) {
    this.#options = options
    this.#transfer = openTransfer(options.negotiated, options.bytes.length)
  }

  /** Never throws: what goes wrong in one transfer ends that transfer and nothing else. */
  async begin(lines: Lines, local: string): Promise<void> {
    const listening: Listening = {
      receive: (datagram) => this.#guard(() => this.#receive(datagram)),
      failed: (why) => (this.#failure = why),
    }
    try {
      const line = await lines.open(local, this.#options.peer, listening)
      if (this.#hasEnded) return line.close()
      this.#line = line
      this.#guard(() => this.#take(this.#transfer.begin()))
    } catch (error) {
      this.#end('aborted', messageOf(error))
    }
  }

  /** Octets that the client has, how many there are, and for how long it has been getting them. */
  progress(): Readonly<{ bytes: number; size: number; ageMs: number }> {
    const ageMs = performance.now() - this.#startedAt
    return { bytes: this.#transfer.octets(), size: this.#options.bytes.length, ageMs }
  }

  /** Whether the client has not answered at all, in that time or longer. */
  isUnheardFor(ms: number): boolean {
    return !this.#transfer.isHeard() && performance.now() - this.#startedAt >= ms
  }

  /** Ends the transfer without a word, as do the next two: an ERROR could pass for the answer to the client's next request. */
  giveUp(why: string): void {
    this.#end('aborted', why)
  }

  supersede(why: string): void {
    this.#end(this.#transfer.octets() === 0 ? 'declined' : 'aborted', why)
  }

  /** RFC 1350 §7: an ERROR is neither acknowledged nor answered. */
  #endedByClient({ code, message }: Readonly<{ code: number; message: string }>): void {
    const isQuestion = this.#transfer.octets() === 0 && QUESTION_CODES.includes(code)
    const words = message === '' ? '' : `: ${message}`
    this.#end(isQuestion ? 'declined' : 'aborted', `the client ended it${words} (error ${code})`)
  }

  /** Ends the transfer and tells the client. */
  stop(why: string): void {
    if (this.#hasEnded) return
    this.#line?.send(encodeError(ERROR_CODE.undefined, why))
    this.#end('aborted', why)
  }

  #guard(step: () => void): void {
    if (this.#hasEnded) return
    try {
      step()
    } catch (error) {
      this.#end('aborted', messageOf(error))
    }
  }

  #receive(datagram: Uint8Array): void {
    this.#failure = null
    const packet = decodeTftp(datagram)
    if (packet.kind === 'ack') return this.#take(this.#transfer.acknowledged(packet.block))
    if (packet.kind === 'error') this.#endedByClient(packet) // anything else has no business at this TID
  }

  #take(step: Step): void {
    switch (step.kind) {
      case 'nothing':
        return
      case 'oack':
        this.#line?.send(encodeOptionAck(this.#options.negotiated.accepted))
        return this.#wait(step.waitMs)
      case 'blocks':
        this.#send(step.first, step.last)
        return this.#wait(step.waitMs)
      case 'complete':
        return this.#end('complete', null)
      case 'given-up':
        return this.#end('aborted', this.#failure === null ? step.why : `${step.why}; sending: ${this.#failure}`)
    }
  }

  #send(first: number, last: number): void {
    const { bytes, negotiated } = this.#options
    for (let block = first; block <= last; block++) {
      const end = block * negotiated.blksize
      this.#line?.data(block, bytes, end - negotiated.blksize, Math.min(end, bytes.length))
    }
  }

  #wait(ms: number): void {
    if (this.#timer !== undefined && ms === this.#waitMs) return void this.#timer.refresh()
    clearTimeout(this.#timer)
    this.#waitMs = ms
    this.#timer = setTimeout(() => this.#guard(() => this.#take(this.#transfer.waited())), ms)
  }

  #end(outcome: TransferEnd['outcome'], why: string | null): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    clearTimeout(this.#timer)
    this.#line?.close()
    const { path, peer, onEnd } = this.#options
    const { bytes, size, ageMs } = this.progress()
    onEnd({ path, peer, outcome, why, bytes, size, durationMs: ageMs })
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

// The rules of one read transfer, from the first DATA or OACK to the last ACK: what was heard goes in, what to send and
// how long to wait comes out. No socket, no clock, so that tests can lose and repeat whatever they like.

import type { Negotiated } from './options.ts'

export type Step =
  | Readonly<{ kind: 'nothing' }>
  /** Send it, and call waited() after `waitMs` unless another step comes first. */
  | Readonly<{ kind: 'oack'; waitMs: number }>
  | Readonly<{ kind: 'blocks'; first: number; last: number; waitMs: number }>
  | Readonly<{ kind: 'complete' }>
  | Readonly<{ kind: 'given-up'; why: string }>

export type Transfer = Readonly<{
  begin: () => Step
  /** `block` as it is on the wire: 16 bits. */
  acknowledged: (block: number) => Step
  /** The wait of the last step that sent something is over. */
  waited: () => Step
  /** Octets that the client acknowledged. */
  octets: () => number
  /** Whether the client ever answered: until then its address may be forged. */
  isHeard: () => boolean
}>

/** With the doubling below a silent client is given up after 1+2+4+8+8+8 seconds. */
const RETRANSMISSIONS = 5
const BACKOFF_AT_MOST_MS = 8000

/** However long the time-out that the client asked for, one retransmission and these are all that it gets. */
const SILENCE_AT_MOST_MS = 120_000

/**
 * A client that never answered gets the first packet four times in fifteen seconds, whatever it asked for: its address
 * may be forged, and what we send is not to be more than a nuisance there.
 */
const UNHEARD = { retransmissions: 3, timeoutMs: 1000 }

/** Between the bursts of a window: in a millisecond a gigabit link carries 80 packets, and drains as many from a queue. */
const PACE_MS = 1

const NOTHING: Step = { kind: 'nothing' }

/** `size` is the octets that will be sent. */
export function openTransfer({ blksize, windowsize, timeoutMs, accepted }: Negotiated, size: number): Transfer {
  /** A file always ends in a DATA shorter than blksize, so an exact multiple (0 too) ends in an empty one. */
  const blocks = Math.floor(size / blksize) + 1
  let isOptionAckDue = accepted.size > 0
  let isHeard = false
  /** Blocks the client has, and the highest ever sent; both count on beyond 65535. */
  let got = 0
  let sent = 0
  /** The window under way: what of it is to be sent next, and its last block. */
  let next = 1
  let windowEnd = 0
  /**
   * How much of a window is sent at once, the rest following at intervals. A window can't be sent short: the client
   * would wait for the rest of it (RFC 7440 §4). So each loss halves the burst, silence makes it one block, and each
   * window that arrives whole doubles it: RFC 7440 §6 asks for the congestion control of RFC 5405 §3.1.
   */
  let burst = windowsize
  let retransmissions = 0
  let silentMs = 0
  let isWindowSentTwice = false
  let wasWindowBeforeSentTwice = false

  function windowAfterLast(): Step {
    next = got + 1
    windowEnd = Math.min(got + windowsize, blocks)
    return sendBurst()
  }

  function sendBurst(): Step {
    const first = next
    const last = Math.min(first + burst - 1, windowEnd)
    next = last + 1
    sent = Math.max(sent, last)
    return { kind: 'blocks', first, last, waitMs: last < windowEnd ? PACE_MS : retransmitMs() }
  }

  function retransmitMs(): number {
    const firstMs = isHeard ? timeoutMs : UNHEARD.timeoutMs
    return Math.min(firstMs * 2 ** retransmissions, Math.max(firstMs, BACKOFF_AT_MOST_MS))
  }

  function heardOf(): void {
    isHeard = true
    retransmissions = 0
    silentMs = 0
  }

  /**
   * Answering a repeated ACK with DATA is the sorcerer's apprentice bug (RFC 1123 §4.2.3.1): each duplicate breeds
   * another to the end of the file. In lock-step it is never answered. In a window (RFC 7440 §4) it can mean that the
   * first block was lost, so it restarts the window: once, and not right after a window that was itself sent twice,
   * since that one's copies are then the likelier cause.
   */
  function repeatedAck(): Step {
    if (windowsize === 1 || isWindowSentTwice || wasWindowBeforeSentTwice) return NOTHING
    isWindowSentTwice = true
    burst = halved(burst)
    return windowAfterLast()
  }

  /** A client that leaves with its last ACK lost has it all. */
  const blockDue = (): string => (got + 1 === blocks ? 'the last block' : `block ${got + 1} of ${blocks}`)

  return {
    begin: () => (isOptionAckDue ? { kind: 'oack', waitMs: retransmitMs() } : windowAfterLast()),

    acknowledged: (block) => {
      if (isOptionAckDue) {
        if (block !== 0) return NOTHING
        isOptionAckDue = false
        heardOf()
        return windowAfterLast()
      }
      const newly = (block - got) & 0xffff
      if (newly === 0) return repeatedAck()
      if (newly > sent - got) return NOTHING // late, or invented
      got += newly
      heardOf()
      if (got === blocks) return { kind: 'complete' }
      burst = got < windowEnd ? halved(burst) : Math.min(burst * 2, windowsize)
      wasWindowBeforeSentTwice = isWindowSentTwice
      isWindowSentTwice = false
      return windowAfterLast()
    },

    waited: () => {
      if (!isOptionAckDue && next <= windowEnd) return sendBurst()
      silentMs += retransmitMs()
      const most = isHeard ? RETRANSMISSIONS : UNHEARD.retransmissions
      if (retransmissions === most || (retransmissions > 0 && silentMs >= SILENCE_AT_MOST_MS))
        return {
          kind: 'given-up',
          why: `no answer to ${isOptionAckDue ? 'the options (OACK)' : blockDue()}`,
        }
      retransmissions++
      isWindowSentTwice = true
      burst = 1
      return isOptionAckDue ? { kind: 'oack', waitMs: retransmitMs() } : windowAfterLast()
    },

    octets: () => Math.min(got * blksize, size),
    isHeard: () => isHeard,
  }
}

const halved = (burst: number): number => Math.max(1, burst >> 1)

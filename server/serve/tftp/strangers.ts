// What a datagram is told that belongs to no transfer of the port it came to.

import { decodeTftp, encodeError, ERROR_CODE } from './packet.ts'
import { refusalLimit } from './refusal.ts'
import { hostOf, type SockaddrKey } from '../udp/sockaddr.ts'

export type Strangers = Readonly<{
  /** The transfer with that client is over. */
  left: (key: SockaddrKey) => void
  /**
   * RFC 1350 §4: ERROR 5 for an unknown transfer. Null for noise, for an ERROR (§7), for source port 0, which can't be
   * answered, and for a client that left a moment ago: it repeats its last ACK, and the ERROR could pass for the answer to
   * what it asks next from the same port.
   */
  answer: (key: SockaddrKey, sockaddr: Buffer, datagram: Uint8Array) => Uint8Array | null
}>

/** Longer than a client goes on repeating its last ACK. */
const MOMENT_MS = 60_000

/** Those of the last minute are forgotten too when there are more; that is all they can make us hold. */
const MOST = 10_000

export function openStrangers(): Strangers {
  /** When, in that order. */
  const gone = new Map<SockaddrKey, number>()
  const mayAnswer = refusalLimit()

  function left(key: SockaddrKey): void {
    const now = performance.now()
    gone.delete(key)
    gone.set(key, now)
    for (const [other, at] of gone) {
      if (now - at < MOMENT_MS && gone.size <= MOST) return
      gone.delete(other)
    }
  }

  function isGone(key: SockaddrKey): boolean {
    return performance.now() - (gone.get(key) ?? -Infinity) < MOMENT_MS
  }

  return {
    left,
    answer: (key, sockaddr, datagram) => {
      const { kind } = decodeTftp(datagram)
      if (kind === 'error' || kind === 'noise' || sockaddr.readUInt16BE(2) === 0) return null
      if (isGone(key) || !mayAnswer(hostOf(sockaddr))) return null
      return encodeError(ERROR_CODE.unknownTransferId, 'no such transfer')
    },
  }
}

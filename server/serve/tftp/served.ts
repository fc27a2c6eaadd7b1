// What the resolver answers, and what of it goes over the wire.

import { encodeNetascii } from './packet.ts'
import type { UdpPeer } from '../udp/peer.ts'
import { refusal, type Refusal } from './refusal.ts'

export type Served =
  /** Nobody writes to these octets any more: a transfer that has begun goes on with them, whatever becomes of the file. */
  | Readonly<{ kind: 'bytes'; bytes: Uint8Array }>
  | Readonly<{ kind: 'refused'; code: 'not-found' | 'access-violation'; why: string }>

/** `path` has no leading slash, no `..` segment, no backslash, no control character. `why` goes to the client. */
export type TftpResolve = (path: string, peer: UdpPeer) => Served | Promise<Served>

export type Content = Readonly<{ kind: 'bytes'; bytes: Uint8Array }> | Readonly<{ kind: 'refused'; refusal: Refusal }>

/** Netascii is for text and needs a translated copy, so it is kept to the size of texts. */
const NETASCII_MAX_BYTES = 1024 * 1024

const ERROR_OF = { 'not-found': 'fileNotFound', 'access-violation': 'accessViolation' } as const

export function contentFor(mode: string, served: Served): Content {
  if (served.kind === 'refused') return { kind: 'refused', refusal: refusal(ERROR_OF[served.code], served.why) }
  if (mode === 'octet') return served
  // Tried by hand, tftp-hpa's default mode is netascii; a kernel must not arrive mangled, a boot menu may be asked for.
  if (served.bytes.length > NETASCII_MAX_BYTES)
    return { kind: 'refused', refusal: refusal('undefined', 'netascii is for text; use mode octet') }
  return { kind: 'bytes', bytes: encodeNetascii(served.bytes) }
}

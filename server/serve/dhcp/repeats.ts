// The same question has the same answer while what it was made from is the same: it is neither read, planned nor written
// again. Machines ask alike whenever they renew a lease, boot again, or don't hear the answer.
import type { ReplyDestination } from '../../plan/dhcp/destination.ts'
import type { DhcpVia } from './door.ts'
import type { Heard } from './sockets.ts'

export type Outgoing = Readonly<{
  /** The client's. */
  mac: string | null
  octets: Uint8Array
  destination: ReplyDestination
  /** The client's own address: a broadcast goes out on its wire. */
  reserved: string
}>

/** `again` does what is to be done beside the reply each time. */
export type Repeatable = Outgoing & Readonly<{ again: (via: DhcpVia) => void }>

export type Repeats = Readonly<{
  find: (question: string) => Repeatable | undefined
  /**
   * Whether it was asked before, as far as is remembered: only then is its answer worth keeping. To keep one costs half of
   * what it costs to make it, and where a hundred thousand machines ask in turn, none comes back before it has to go.
   */
  isAskedAgain: (question: string) => boolean
  keep: (question: string, answer: Repeatable) => void
}>

/** Some 15,000 answers, twice. */
const MOST_BYTES = 16 * 1024 * 1024
/** Of a map's entry, its objects and the question's text. */
const OVERHEAD_BYTES = 500

/** Questions, some more than there can be answers; by a digest, so that nothing of them is held. */
const REMEMBERED = 2 ** 16

/** FNV-1a. Two questions with the same one do no harm: an answer is kept a request earlier, or later. */
function digestOf(question: string): number {
  let digest = 0x811c9dc5
  for (let index = 0; index < question.length; index++)
    digest = Math.imul(digest ^ question.charCodeAt(index), 0x01000193)
  return digest >>> 0
}

/**
 * Kept are the answers of two generations: when there are many young ones, the old ones go and the young are old. That
 * costs a tenth of keeping an order of use, and each of very many machines asks but once.
 * @param basis all that answers are made from, each part by its identity; other parts, other answers
 */
export function openRepeats(basis: () => readonly unknown[]): Repeats {
  const kept = { madeFrom: [] as readonly unknown[], young: new Map<string, Repeatable>(), bytes: 0 }
  let old: ReadonlyMap<string, Repeatable> = new Map()
  const begin = (): void => void Object.assign(kept, { young: new Map(), bytes: 0 })
  const keep: Repeats['keep'] = (question, answer) => {
    if (kept.bytes > MOST_BYTES) {
      old = kept.young
      begin()
    }
    kept.young.set(question, answer)
    kept.bytes += answer.octets.length + question.length + OVERHEAD_BYTES
  }
  const asked = new Uint32Array(REMEMBERED)
  return {
    keep,
    isAskedAgain: (question) => {
      const digest = digestOf(question)
      const slot = digest % REMEMBERED
      const isKnown = asked[slot] === digest
      asked[slot] = digest
      return isKnown
    },
    find: (question) => {
      const now = basis()
      if (!now.every((part, index) => part === kept.madeFrom[index])) {
        old = new Map()
        begin()
      }
      kept.madeFrom = now
      const known = kept.young.get(question)
      if (known !== undefined) return known
      const older = old.get(question)
      if (older !== undefined) keep(question, older)
      return older
    },
  }
}

const AT = { hops: 3, xid: 4, secs: 8, flags: 10 } as const

/**
 * All of a request that an answer can depend on, and where it was heard. That is not the transaction's number, nor the
 * relays that it passed and the seconds since the client began (RFC 2131 §2), which no answer of ours looks at.
 */
export function questionOf({ datagram, arrival }: Pick<Heard, 'datagram' | 'arrival'>): string {
  const heard = arrival === null ? '' : `${arrival.interface} ${arrival.addresses.join()}\n`
  return `${heard}${datagram.toString('latin1', 0, AT.hops)}${datagram.toString('latin1', AT.flags)}`
}

/** Makes the answer to an earlier request that of this one. */
export function addressTo(datagram: Buffer, { octets }: Repeatable): void {
  datagram.copy(octets, AT.xid, AT.xid, AT.secs)
}

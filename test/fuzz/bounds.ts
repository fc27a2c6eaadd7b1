// What a server that is well stands on while it is shot at, and when that is over.
import type { Footing } from './stage.ts'

/**
 * The young generation takes up to 3 x 32 MiB (bin/bootstead), the answers that are kept for who asks again 32 (dhcp/repeats.ts),
 * and what was freed goes back late. A million datagrams that leave 130 octets each are beyond this.
 */
const RSS_MOST_MIB = 128

/** Sockets of addresses that come and go, HTTP connections about to close, a file being read. */
const DESCRIPTORS_MOST = 16

/** What is wrong; null when nothing is. `warm` is what was seen after the first rounds. */
export function growth(warm: Footing, now: Footing): string | null {
  if (now.rssMiB > warm.rssMiB + RSS_MOST_MIB) return `memory grew from ${warm.rssMiB} to ${now.rssMiB} MiB`
  if (now.descriptors > warm.descriptors + DESCRIPTORS_MOST)
    return `descriptors grew from ${warm.descriptors} to ${now.descriptors}`
  return null
}

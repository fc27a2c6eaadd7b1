// How often somebody may try to log in: counted for each address and for each name, in bounded memory.
import { LRUCache } from 'lru-cache'
import { networkOf } from '../serve/http/peers.ts'

export type Attempts = Readonly<{
  /** Counts one before it is looked at, so that many at once are all counted. Seconds to wait when there were too many. */
  take: (
    address: string,
    name: string,
  ) => Readonly<{ ok: true }> | Readonly<{ ok: false; waitSeconds: number; isFirst: boolean }>
  /** It was the right password: earlier mistakes of this name, and this attempt of this address, don't count. */
  forgive: (address: string, name: string) => void
}>

type Count = { made: number; since: number; wasRefused: boolean }

export const limits = { windowMs: 15 * 60_000, byAddress: 30, byName: 10, remembered: 10_000 } as const

/** The oldest is forgotten when more addresses, or names, try than are remembered. */
export function openAttempts(now: () => number): Attempts {
  const cache = (): LRUCache<string, Count> => new LRUCache({ max: limits.remembered })
  const [addresses, names] = [cache(), cache()]
  const countOf = (cache: LRUCache<string, Count>, key: string): Count => {
    const known = cache.get(key)
    if (known !== undefined && now() - known.since < limits.windowMs) return known
    const fresh = { made: 0, since: now(), wasRefused: false }
    cache.set(key, fresh)
    return fresh
  }
  return {
    take: (address, name) => {
      const counts = [
        [countOf(addresses, networkOf(address)), limits.byAddress],
        [countOf(names, nameKey(name)), limits.byName],
      ] as const
      const full = counts.flatMap(([count, most]) => (count.made >= most ? [count] : []))
      if (full.length === 0) {
        for (const [count] of counts) count.made++
        return { ok: true }
      }
      const isFirst = full.some(({ wasRefused }) => !wasRefused)
      for (const count of full) count.wasRefused = true
      const waitMs = Math.max(...full.map(({ since }) => since + limits.windowMs - now()))
      return { ok: false, waitSeconds: Math.ceil(waitMs / 1000), isFirst }
    },
    forgive: (address, name) => {
      names.delete(nameKey(name))
      const count = countOf(addresses, networkOf(address))
      count.made = Math.max(0, count.made - 1)
    },
  }
}

const nameKey = (name: string): string => name.slice(0, 64).toLowerCase()

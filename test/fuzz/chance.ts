// Choices that are the same for the same seed.
import { randomFrom } from '../random.ts'

export type Chance = Readonly<{
  /** True that often, from 0 to 1. */
  is: (probability: number) => boolean
  /** From 0 up to, not including, that number. */
  below: (limit: number) => number
  one: <T>(of: readonly T[]) => T
  octets: (count: number) => Uint8Array
}>

export function chanceFrom(seed: number): Chance {
  const random = randomFrom(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  return {
    is: (probability) => random() < probability,
    below,
    one: (of) => {
      if (of.length === 0) throw new Error('there is nothing to choose from')
      return of[below(of.length)] as (typeof of)[number]
    },
    octets: (count) => Uint8Array.from({ length: count }, () => below(256)),
  }
}

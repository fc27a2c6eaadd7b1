// What a datagram becomes on bad hardware, in bad firmware, and in bad hands.
import type { Chance } from './chance.ts'

const telling = [0, 1, 2, 127, 128, 254, 255]

type Change = (octets: Uint8Array, chance: Chance) => Uint8Array

const place = (octets: Uint8Array, chance: Chance): number => chance.below(octets.length + 1)

function stretch(octets: Uint8Array, chance: Chance): readonly [number, number] {
  const [one, other] = [place(octets, chance), place(octets, chance)]
  return [Math.min(one, other), Math.max(one, other)]
}

const changes: readonly Change[] = [
  (octets, chance) => {
    const at = place(octets, chance)
    return octets.map((octet, index) => (index === at ? octet ^ (1 << chance.below(8)) : octet))
  },
  (octets, chance) => {
    const at = place(octets, chance)
    return octets.map((octet, index) => (index === at ? chance.one(telling) : octet))
  },
  (octets, chance) => octets.subarray(0, place(octets, chance)),
  (octets, chance) => joined(octets, chance.octets(1 + chance.below(300))),
  (octets, chance) => {
    const [from, to] = stretch(octets, chance)
    return joined(octets.subarray(0, to), octets.subarray(from)) // it stands there twice
  },
  (octets, chance) => {
    const [from, to] = stretch(octets, chance)
    return joined(octets.subarray(0, from), octets.subarray(to)) // or not at all
  },
  (octets, chance) => {
    const at = place(octets, chance)
    return joined(joined(octets.subarray(0, at), chance.octets(1 + chance.below(16))), octets.subarray(at))
  },
]

/** One change, or two, or more. */
export function mutated(octets: Uint8Array, chance: Chance): Uint8Array {
  const change = chance.one(changes)
  const changed = change(octets, chance)
  return chance.is(0.45) && changed.length > 0 ? mutated(changed, chance) : changed
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

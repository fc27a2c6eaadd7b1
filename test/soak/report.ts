// What a soak has shown: a table for people, and whether memory grew.
import type { Counts } from './tally.ts'
import { kinds } from './tally.ts'

export type Minute = Counts &
  Readonly<{
    rssMiB: number
    descriptors: number
    /** Of the server's event loop, as it tells in /metrics. */
    loopP99Ms: number
    /** What was done to the server meanwhile. */
    remark: string
  }>

/**
 * Of the straight line through the second half's minutes, from its begin to its end. V8 lets the heap wander by a young
 * generation (32 MiB, bin/bootstead) before it collects; what leaks goes on beyond that for as long as one waits.
 */
export const GROWTH_MOST_MIB = 32

/** MiB by which memory grew in the second half; 0 for less than three minutes, which tell nothing. */
export function growthOf(rssMiB: readonly number[]): number {
  const half = rssMiB.slice(Math.floor(rssMiB.length / 2))
  if (rssMiB.length < 3) return 0
  const middle = (half.length - 1) / 2
  const mean = half.reduce((sum, value) => sum + value, 0) / half.length
  const slope =
    half.reduce((sum, value, index) => sum + (index - middle) * (value - mean), 0) /
    half.reduce((sum, _, index) => sum + (index - middle) ** 2, 0)
  return slope * (half.length - 1)
}

/** In words; empty when all was well. */
export function verdict(minutes: readonly Minute[]): readonly string[] {
  const errors = minutes.flatMap((minute) => minute.errors)
  const grown = growthOf(minutes.map(({ rssMiB }) => rssMiB))
  const [first, last] = [minutes[Math.floor(minutes.length / 2)], minutes.at(-1)]
  const descriptors = (last?.descriptors ?? 0) - (first?.descriptors ?? 0)
  return [
    ...errors.slice(0, 20),
    ...(grown > GROWTH_MOST_MIB ? [`memory grew by ${grown.toFixed(1)} MiB in the second half`] : []),
    ...(descriptors > 16 ? [`descriptors grew by ${descriptors} in the second half`] : []),
  ]
}

const columns = [
  'minute',
  'memory, MiB',
  'descriptors',
  ...kinds,
  'errors',
  'p99, ms',
  'event loop p99, ms',
  'meanwhile',
]

export function soakTable(minutes: readonly Minute[]): string {
  const rows = minutes.map(({ requests, errors, p99Ms, rssMiB, descriptors, loopP99Ms, remark }, index) => [
    index + 1,
    rssMiB,
    descriptors,
    ...kinds.map((kind) => requests[kind]),
    errors.length,
    p99Ms === null ? '–' : Math.round(p99Ms),
    loopP99Ms.toFixed(0),
    remark,
  ])
  const ruler = columns.map(() => '---')
  return [columns, ruler, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

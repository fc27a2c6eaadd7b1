// How many requests of each kind there were, how long they took, and what went wrong.

export const kinds = ['dhcp', 'tftp', 'http', 'event', 'change'] as const
export type Kind = (typeof kinds)[number]

export type Counts = Readonly<{
  requests: Readonly<Record<Kind, number>>
  /** The slowest hundredth took longer, of any kind but changes; null when there was none. */
  p99Ms: number | null
  errors: readonly string[]
}>

export type Tally = Readonly<{
  /** What `ask` gives; it is counted when it has it. */
  timed: <T>(kind: Kind, ask: () => Promise<T>) => Promise<T>
  failed: (error: unknown) => void
  /** Since it was last asked. */
  take: () => Counts
}>

export function openTally(): Tally {
  const none = (): Record<Kind, number> => ({ dhcp: 0, tftp: 0, http: 0, event: 0, change: 0 })
  let requests = none()
  let durations: number[] = []
  let errors: string[] = []
  return {
    timed: async (kind, ask) => {
      const began = performance.now()
      const answer = await ask()
      requests[kind]++
      if (kind !== 'change') durations.push(performance.now() - began)
      return answer
    },
    failed: (error) => errors.push(error instanceof Error ? error.message : String(error)),
    take: () => {
      const counts = { requests, p99Ms: percentile(durations, 0.99), errors }
      requests = none()
      durations = []
      errors = []
      return counts
    },
  }
}

export function percentile(values: readonly number[], part: number): number | null {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? null
}

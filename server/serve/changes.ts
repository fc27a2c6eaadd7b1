// What was changed, in order, for those who take it in at times of their own.
import type { TouchedRow } from '../inventory/touched.ts'

/** Rows that are others now; null when any may be: the snapshot was read anew. */
export type Changed = readonly TouchedRow[] | null

/** Positions are counted from the opening on, and stay what they are. */
export type Changes = Readonly<{
  add: (changed: Changed) => void
  /** Behind all that was added. */
  end: () => number
  between: (from: number, to: number) => Changed
  forgetBefore: (position: number) => void
}>

/** @param mostRows beyond so many, kept for who takes nothing in, it is only known that there were any */
export function openChanges(mostRows = 100_000): Changes {
  let [first, rows] = [0, 0]
  let batches: Changed[] = []
  return {
    add: (changed) => {
      batches.push(changed)
      rows += changed?.length ?? 0
      if (rows <= mostRows) return
      batches.fill(null)
      rows = 0
    },
    end: () => first + batches.length,
    between: (from, to) => {
      const wanted = batches.slice(from - first, to - first)
      return wanted.some((changed) => changed === null) ? null : wanted.flatMap((changed) => changed ?? [])
    },
    forgetBefore: (position) => {
      batches = batches.slice(position - first)
      rows = batches.reduce((sum, changed) => sum + (changed?.length ?? 0), 0)
      first = position
    },
  }
}

// What the timeline says of a machine's TFTP transfers: what an administrator looks for who asks why it didn't boot.
import type { TransferEnd, TransferProgress } from './tftp/door.ts'

/** Null for what is no news: a loader that only wanted the size, as most do before each file. */
export function describeEnd({ path, outcome, why, bytes, size }: TransferEnd): string | null {
  switch (outcome) {
    case 'complete':
      return `${path} over tftp`
    case 'aborted':
      return `${path} over tftp: broken off at ${percentOf(bytes, size)} (${why ?? 'no reason known'})`
    case 'declined':
      return null
    default:
      return outcome satisfies never
  }
}

export const describeProgress = ({ path, bytes, size }: TransferProgress): string =>
  `${path} over tftp: ${percentOf(bytes, size)} so far`

const percentOf = (bytes: number, size: number): string => `${size === 0 ? 0 : Math.floor((bytes * 100) / size)} %`

// What the timeline says of a machine's transfers: what an administrator looks for who asks why it didn't boot.
import { bootfileNames } from '../plan/bootfile.ts'
import type { Found } from './resolve.ts'
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

type Refused = Extract<Found, { kind: 'refused' }>

/**
 * Null for what is no news: loaders try the names of menus and modules until there is one. A kernel, and what DHCP named, are
 * asked for because they are to be there.
 */
export function describeRefusal(door: 'tftp' | 'http', path: string, { status, why }: Refused): string | null {
  return status === 404 && !isNeeded(path) ? null : `${path} over ${door}: refused (${why})`
}

/** Whoever asks writes the path, so of those that nobody has only plain ones are repeated. */
const isNeeded = (path: string): boolean => bootfileNames.has(path) || /^images\/[\w.+~/-]{1,200}$/.test(path)

const percentOf = (bytes: number, size: number): string => `${size === 0 ? 0 : Math.floor((bytes * 100) / size)} %`

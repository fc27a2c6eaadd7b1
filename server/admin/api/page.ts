// Parts of lists: so many after the one that was last.
import { z } from 'zod'
import { HttpRefusal } from '../refusal.ts'

const mostItems = 1000

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(mostItems).default(100).describe(`how many, ${mostItems} at most`),
  after: z.string().optional().describe('what the page before answered as `next`'),
}

/** Names, ranges, patterns, filters: one text with spaces between, or each as a parameter of its own, spaces and all. */
export const selectQuery = z
  .union([z.string(), z.array(z.string())])
  .optional()
  .describe(
    "which machines, in the command line's words: names, ranges such as acas[0001-0040], patterns such as acas*, filters such as profile=web or boot!=local; separated by spaces, or each in a `select` of its own; names add up and filters narrow down",
  )

export const selectors = (given: string | readonly string[] | undefined): readonly string[] =>
  (typeof given === 'string' ? given.split(/\s+/) : (given ?? [])).filter((word) => word !== '')

export type Page<T> = Readonly<{ items: readonly T[]; total: number; next: string | null }>

/** Keys in order, to those of a page; `next` is its last key. A key that has gone meanwhile is looked for by `compare`. */
export function pageOfKeys(
  keys: readonly string[],
  { limit, after }: Readonly<{ limit: number; after?: string | undefined }>,
): Page<string> {
  const from = after === undefined ? 0 : keys.indexOf(readCursor(after)) + 1
  if (after !== undefined && from === 0)
    throw new HttpRefusal(400, `after=${after}: what stood there has gone or moved; begin the list anew`)
  const items = keys.slice(from, from + limit)
  const last = items.at(-1)
  const isEnd = from + limit >= keys.length || last === undefined
  return { items, total: keys.length, next: isEnd ? null : writeCursor(last) }
}

/** For whoever reads it, a cursor is no name: it may be something else one day. */
const writeCursor = (key: string): string => Buffer.from(key).toString('base64url')
const readCursor = (cursor: string): string => Buffer.from(cursor, 'base64url').toString()

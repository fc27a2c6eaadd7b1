// Lists that the server gives in pages, the newest first.

const pageSize = 1000

/** Pages of a list that is newest first, until there are so many. */
export async function newestFirst<T>(
  limit: number,
  numberOf: (item: T) => number,
  read: (page: Readonly<Record<string, string>>) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const found: T[] = []
  for (;;) {
    const most = Math.min(pageSize, limit - found.length)
    const last = found.at(-1)
    const page = await read({ limit: String(most), ...(last === undefined ? {} : { before: String(numberOf(last)) }) })
    found.push(...page)
    if (page.length < most || found.length >= limit) return found
  }
}

// How deep a value that comes from elsewhere may be nested.

/** What walks through a value calls itself for each level, and there is an end to that. */
export const mostDeep = 100

/** @param value as JSON holds it, or YAML: parts of that may be one another's, or their own */
export function isTooDeep(value: unknown): boolean {
  let level = new Set([value].filter(isNested))
  for (let depth = 0; depth < mostDeep; depth++) {
    level = new Set([...level].flatMap((one) => Object.values(one) as readonly unknown[]).filter(isNested))
    if (level.size === 0) return false
  }
  return level.size > 0
}

const isNested = (value: unknown): value is object => value !== null && typeof value === 'object'

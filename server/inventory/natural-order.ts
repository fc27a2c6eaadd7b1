// The order in which people count: digits compare as numbers.

/** eth2 before eth10, acas9 before acas10. */
export function compareNaturally(a: string, b: string): number {
  return (comparePlainly(a, b) ?? collator.compare(a, b)) || (a < b ? -1 : a > b ? 1 : 0)
}

const collator = new Intl.Collator('en', { numeric: true })

/**
 * What the collator says, in half its time: of a hundred thousand names that is felt. Null when a character that
 * names of hosts don't have stands before what decides.
 */
function comparePlainly(a: string, b: string): number | null {
  let same = 0
  for (; same < a.length && same < b.length; same++) {
    const code = a.charCodeAt(same)
    if (code !== b.charCodeAt(same)) break
    if (!isPlain(code)) return null
  }
  let from = same
  while (isDigit(a.charCodeAt(from - 1))) from--
  const end = afterDigits(a, same)
  const other = afterDigits(b, same)
  // Digits of another script would go on with a number.
  if (!isPlainOrEnd(a, end) || !isPlainOrEnd(b, other)) return null
  if (end !== other && isDigit(a.charCodeAt(from)) && isDigit(b.charCodeAt(from)))
    return compareNumbers(a.slice(from, end), b.slice(from, other)) || comparePlainly(a.slice(end), b.slice(other))
  if (same === a.length || same === b.length) return a.length - b.length
  return a.charCodeAt(same) - b.charCodeAt(same)
}

function afterDigits(text: string, from: number): number {
  let at = from
  while (isDigit(text.charCodeAt(at))) at++
  return at
}

function compareNumbers(a: string, b: string): number {
  const [one, other] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')]
  return one.length - other.length || (one < other ? -1 : one > other ? 1 : 0)
}

/** `-`, `.`, `/`, digits, small letters: the collator has them in the order of their codes. */
const isPlain = (code: number): boolean => (code >= 45 && code <= 57) || (code >= 97 && code <= 122)
const isDigit = (code: number): boolean => code >= 48 && code <= 57
const isPlainOrEnd = (text: string, at: number): boolean => at === text.length || isPlain(text.charCodeAt(at))

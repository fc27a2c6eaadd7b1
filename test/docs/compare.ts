// Whether a command printed what a document shows. These rules are all the looseness there is:
//  - runs of spaces are one; spaces at a line's end are none
//  - `…` stands for anything in a line; a line of `…` alone for any number of lines
//  - dates and times, durations, tokens, checksums, identifiers of processes and percentages are compared by their kind only

const kinds: readonly (readonly [RegExp, string])[] = [
  [/\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z| UTC)?)?/g, '<time>'],
  [/\b\d{1,2}:\d\d(?::\d\d)?\b(?!:)/g, '<time>'],
  [/\b\d+(?:\.\d+)? ?(?:ms|s|min|h)\b/g, '<duration>'],
  [/\bbootstead_[\w-]{20,}/g, '<token>'],
  [/\b[0-9a-f]{64}\b/g, '<checksum>'],
  [/(?<=token=|invitation\/|BOOTSTEAD_TOKEN=')[\w-]{20,}/g, '<token>'],
  [/"(?:pid|time)":\d+/g, '<number>'],
]

const plain = (line: string): string =>
  kinds.reduce((text, [pattern, kind]) => text.replaceAll(pattern, kind), line.trimEnd()).replaceAll(/ +/g, ' ')

/** @returns the first shown line that was not printed where it should be, and what was there; null if all is as shown */
export function differenceOf(shown: string, printed: string): string | null {
  const wanted = shown.trimEnd().split('\n').map(plain)
  const lines = printed.trimEnd().split('\n').map(plain)
  let [at, isGap] = [0, false]
  for (const line of wanted) {
    if (line.trim() === '…') {
      isGap = true
      continue
    }
    const found = isGap ? lines.findIndex((one, index) => index >= at && matches(line, one)) : at
    const there = lines[found]
    if (there === undefined || !matches(line, there)) return `shown: ${line}\nprinted: ${lines[at] ?? '(nothing more)'}`
    at = found + 1
    isGap = false
  }
  return isGap || at === lines.length ? null : `shown: (nothing more)\nprinted: ${lines[at] ?? ''}`
}

const matches = (shown: string, printed: string): boolean =>
  new RegExp(`^${shown.split('…').map(escapePattern).join('.*')}$`).test(printed)

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)
}

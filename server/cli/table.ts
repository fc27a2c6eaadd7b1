// Columns for people: aligned, no colours, nothing cut off, so that it can be read, grepped and pasted.

/** A header and rows; an empty cell is a dash, so that `awk` counts columns right. */
export function alignColumns(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [
    header.map((name) => name.toUpperCase()),
    ...rows.map((row) => row.map((cell) => (cell === '' ? '-' : cell))),
  ]
  const widths = header.map((_, column) =>
    lines.reduce((width, line) => Math.max(width, (line[column] ?? '').length), 0),
  )
  const render = (line: readonly string[]): string =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return lines.map(render).join('\n')
}

/** `name  value` lines, the names aligned, behind an indent. */
export function alignPairs(pairs: readonly (readonly [string, string])[], indent = ''): string {
  const width = pairs.reduce((most, [name]) => Math.max(most, name.length), 0)
  return pairs.map(([name, value]) => `${indent}${name.padEnd(width)}  ${value}`.trimEnd()).join('\n')
}

/** `1 machine`, `1,900 machines`. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`
}

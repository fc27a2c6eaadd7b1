// docs/benchmarks.md: a section for each measurement, each with the day and machine it was made on; others stay.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'

export type Row = readonly (string | number)[]
export type Table = Readonly<{ title: string; header: Row; rows: readonly Row[]; note: string }>

/** Of the five minutes before: what else was going on. */
const loadBefore = loadavg()[1] ?? 0

const file = join(import.meta.dirname, '../../docs/benchmarks.md')
const head =
  '# Figures\n\nEach section says when and where it was measured. Absolute figures of a shared machine are good to ±30 %.\n'

/** Prints the tables and puts each in the place of the section of its title, or at the end. */
export function publishFigures(tables: readonly Table[], command: string, programs: readonly string[] = []): void {
  const where = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`
  const made = `\`${command}\`, ${new Date().toISOString().slice(0, 10)}: ${[where, `load average ${loadBefore.toFixed(1)} before`, `Node ${process.version}`, ...programs].join('; ')}.`
  const sections = sectionsOf(existsSync(file) ? readFileSync(file, 'utf8') : '')
  for (const table of tables) sections.set(table.title, render(table, made))
  process.stdout.write(`${tables.map((table) => render(table, made)).join('\n')}\n`)
  writeFileSync(file, [head, ...sections.values()].join('\n'))
}

function sectionsOf(text: string): Map<string, string> {
  const [, ...sections] = text.split(/^(?=## )/m)
  return new Map(sections.map((section) => [/^## (.*)$/m.exec(section)?.[1] ?? '', `${section.trimEnd()}\n`]))
}

function render({ title, header, rows, note }: Table, made: string): string {
  return [
    `## ${title}`,
    '',
    line(header),
    line(header.map(() => '---')),
    ...rows.map(line),
    '',
    note,
    '',
    made,
    '',
  ].join('\n')
}

const line = (cells: Row): string => `| ${cells.join(' | ')} |`

export const number = (value: number, digits = 0): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** The value that such a share of all is below; NaN of none. */
export const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? NaN

/** The one in the middle. @throws when there is none */
export function middleOf<T>(items: readonly T[], by: (item: T) => number): T {
  const middle = items.toSorted((a, b) => by(a) - by(b))[items.length >> 1]
  if (middle === undefined) throw new Error('nothing was measured')
  return middle
}

export const median = (values: readonly number[]): number => (values.length === 0 ? 0 : quantile(values, 0.5))

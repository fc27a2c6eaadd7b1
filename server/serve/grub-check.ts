// GRUB's own parser on every GRUB menu that is about to be published, in one run.
import { hash } from 'node:crypto'
import { closeSync, existsSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Check } from './disk/check.ts'
import { runCommand } from './disk/command.ts'
import { breathing, makeFolder } from './disk/durable.ts'

/**
 * Stands behind each menu, so that none hides in its neighbour: behind a whole menu it does nothing, and whatever a menu left
 * open it is an error. For a line that goes on, `then` is; in a block, an `if` or a loop, a function is; a quote ends at its
 * like, before an operator that GRUB has not (grub-core/script/parser.y of GRUB 2.06).
 */
const separator = ['if true; then true; fi', 'function bootstead_end {', 'true', '}', `# ' & " &`]

/** So many are named: a mistake in a template is one in every menu. */
const mostComplaints = 10

const command = { timeoutMs: 300_000, package: 'grub-common' }

/** Menus that differ in numbers only, which are all the same to GRUB's grammar: one of them is read. */
type Kind = Readonly<{ first: string; others: readonly string[] }>

/** Where a kind's first menu stands in the joined file: the lines before it, and its own. */
type Stretch = Readonly<{ kind: Kind; before: number; lines: number }>

/** @throws MissingProgram; Error when GRUB's parser ends without saying where */
export const grubCheck: Check = async (root, scratch) => {
  makeFolder(scratch, new Set())
  const complaints: string[] = []
  let kinds = await kindsOf(menusBelow(root))
  while (kinds.length > 0 && complaints.length < mostComplaints) {
    const stretches = await writeJoined(kinds, join(scratch, 'menus'))
    const line = await firstWrongLine(join(scratch, 'menus'))
    const index = line === null ? -1 : stretches.findLastIndex(({ before }) => before < line)
    const wrong = stretches[index]
    if (line !== null && wrong !== undefined) complaints.push(...complaintsAbout(wrong, line - wrong.before))
    kinds = wrong === undefined ? [] : kinds.slice(index + 1) // the parser stops at a mistake
  }
  if (complaints.length === 0) return { ok: true }
  const unread = kinds.reduce((sum, { others }) => sum + 1 + others.length, 0)
  return {
    ok: false,
    output: `${[...shortened(complaints), ...(unread > 0 ? [`${unread} menus were not read`] : [])].join('\n')}\n`,
  }
}

function menusBelow(root: string): readonly string[] {
  const folder = join(root, 'grub')
  if (!existsSync(folder)) return []
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && entry.name.startsWith('grub.cfg'))
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort()
}

async function kindsOf(menus: readonly string[]): Promise<readonly Kind[]> {
  const breathe = breathing()
  const kinds = new Map<string, Readonly<{ first: string; others: string[] }>>()
  for (const menu of menus) {
    await breathe()
    const key = hash('sha256', readFileSync(menu, 'utf8').replaceAll(/\d+/g, '0'))
    const known = kinds.get(key)
    if (known === undefined) kinds.set(key, { first: menu, others: [] })
    else known.others.push(menu)
  }
  return [...kinds.values()]
}

const pieceSize = 1024 * 1024

async function writeJoined(kinds: readonly Kind[], joined: string): Promise<readonly Stretch[]> {
  const breathe = breathing()
  const file = openSync(joined, 'w', 0o600)
  try {
    const stretches: Stretch[] = []
    let [before, piece] = [0, '']
    for (const kind of kinds) {
      await breathe()
      const lines = readFileSync(kind.first, 'utf8').replace(/\n$/, '').split('\n')
      stretches.push({ kind, before, lines: lines.length })
      before += lines.length + separator.length
      piece += [...lines, ...separator, ''].join('\n')
      if (piece.length < pieceSize) continue
      writeSync(file, piece)
      piece = ''
    }
    writeSync(file, piece)
    return stretches
  } finally {
    closeSync(file)
  }
}

async function firstWrongLine(joined: string): Promise<number | null> {
  const { ok, how, output } = await runCommand({ ...command, argv: ['grub-script-check', joined] })
  if (ok) return null
  const line = /at line (\d+)/.exec(output)?.[1]
  if (line === undefined) throw new Error(`grub-script-check: ${how}: ${output}`)
  return Number(line)
}

/** Not the line itself: a token may stand in it. */
function complaintsAbout({ kind: { first, others }, lines }: Stretch, line: number): readonly string[] {
  const complaint =
    line <= lines
      ? `line ${line}: syntax error`
      : `line ${lines}: the menu ends, and a quote, a block, an if or a loop does not`
  return [first, ...others].map((menu) => `${menu} ${complaint}`)
}

const shortened = (complaints: readonly string[]): readonly string[] =>
  complaints.length <= mostComplaints
    ? complaints
    : [...complaints.slice(0, mostComplaints), `and in ${complaints.length - mostComplaints} other menus`]

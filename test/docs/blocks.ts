// The code blocks of a document, each with what a remark before it says about running it.

/**
 * How a block is to be treated. The remark is an HTML comment on the lines before it:
 * `not run: WHY`; `until it says "TEXT"` for what Ctrl-C ends then; `beside, until it says "TEXT"` for what goes on while the
 * following blocks run.
 */
type Treatment =
  | Readonly<{ kind: 'run' }>
  | Readonly<{ kind: 'not run'; why: string }>
  | Readonly<{ kind: 'until' | 'beside'; text: string }>

export type Block = Readonly<{
  /** Of the fence, from 1. */
  line: number
  /** The word behind the fence: `sh` (also when there is none), `console`, `text`, `yaml`, … */
  language: string
  text: string
  treatment: Treatment
}>

const fence = /^( *)(`{3,})([\w-]*) *$/
const oneLineRemark = /^ *<!-- (.*) -->$/

/** @throws Error naming the line of a fence that has no end, an indented block, or a remark that says nothing known */
export function blocksOf(markdown: string): readonly Block[] {
  const lines = markdown.split('\n')
  const blocks: Block[] = []
  let remark: string | null = null
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    const [, indent = '', ticks = '', language = ''] = fence.exec(line) ?? []
    if (ticks === '') {
      if (/^ {4,}(?![-*\d])\S/.test(line) && lines[at - 1] === '')
        throw new Error(`line ${at + 1}: an indented block; write it between fences`)
      if (line.trim() !== '') remark = oneLineRemark.exec(line)?.[1] ?? null
      continue
    }
    const end = lines.indexOf(`${indent}${ticks}`, at + 1)
    if (end < 0) throw new Error(`line ${at + 1}: a block without an end`)
    blocks.push({
      line: at + 1,
      language: language === '' ? 'sh' : language,
      text: lines
        .slice(at + 1, end)
        .map((inside) => inside.slice(indent.length))
        .join('\n'),
      treatment: remark === null ? { kind: 'run' } : treatmentOf(remark, at),
    })
    remark = null
    at = end
  }
  return blocks
}

function treatmentOf(remark: string, line: number): Treatment {
  const why = /^not run: (.+)$/.exec(remark)?.[1]
  if (why !== undefined) return { kind: 'not run', why }
  const [, beside, text] = /^(beside, )?until it says "(.+)"$/.exec(remark) ?? []
  if (text !== undefined) return { kind: beside === undefined ? 'until' : 'beside', text }
  throw new Error(
    `line ${line}: <!-- ${remark} --> before a block is neither "not run: WHY" nor "until it says …" nor "beside, until it says …"`,
  )
}

/** A command of a `console` block, and the lines that it is shown to print; null where none are shown. */
export type Shown = Readonly<{ line: number; command: string; output: string | null }>

/** `$ ` begins a command, `> ` goes on with it. */
export function commandsOfConsole({ text, line }: Block): readonly Shown[] {
  const shown: { line: number; command: string; output: string | null }[] = []
  for (const [index, one] of text.split('\n').entries()) {
    const last = shown.at(-1)
    if (one.startsWith('$ ')) shown.push({ line: line + 1 + index, command: one.slice(2), output: null })
    else if (last === undefined) throw new Error(`line ${line + 1 + index}: output before the first command`)
    else if (one.startsWith('> ') && last.output === null) last.command += `\n${one.slice(2)}`
    else last.output = last.output === null ? one : `${last.output}\n${one}`
  }
  return shown
}

// Kea's configuration files as plain JSON, for its control channel: that one takes neither include lines nor commas behind
// the last item. Comments go (`#`, `//`, `/* */`: src/bin/dhcp4/dhcp4_lexer.ll of Kea 2.2), the files' own lines stay lines.
import type { TextFile } from './check.ts'

type Expansion = Readonly<{
  /** The text, to be read once: a piece for each file that is included, and the rest. */
  pieces: Iterable<string>
  /** `FILE:LINE` that a line of the text came from, counted from 1. */
  placeOf: (line: number) => string | null
}>

const tokens =
  /"(?:[^"\\\n]|\\[^\n])*"|\s+|[,[\]{}]|[^\s",[\]{}#/<]+|(?:#|\/\/)[^\n]*|\/\*[^]*?\*\/|<\?\s*include\s*"(?<path>[^"\n]+)"\s*\?>/gy

/** As deep as Kea goes. */
const mostIncludes = 10

const opening: Readonly<Record<string, string>> = { '}': '{', ']': '[' }

/**
 * Whether it is Kea's JSON is Kea's to say; but brackets are paired, or it would wait for the rest.
 * @param read a file by its absolute path
 * @throws Error naming file and line when `pieces` is read; what `read` throws
 */
export function expandKea(main: TextFile, read: (path: string) => string): Expansion {
  const places: string[] = []
  const open: string[] = []
  let isComma = false // one that was read and not written: none belongs before a closing bracket
  let piece = ''
  const take = (): string => {
    const taken = piece
    piece = ''
    return taken
  }
  const startLine = (place: string): void => {
    piece += '\n'
    places.push(place)
  }
  const write = (token: string, fail: (why: string) => never): void => {
    const opened = opening[token]
    if (opened !== undefined && open.pop() !== opened) fail(`${token} closes nothing that is open`)
    if (token === '{' || token === '[') open.push(token)
    if (isComma && opened === undefined) piece += ','
    isComma = false
    piece += token
  }
  function* expand({ path, text }: TextFile, depth: number): Generator<string> {
    let line = 1
    let end = 0
    const fail = (why: string): never => {
      throw new Error(`${path} line ${line}: ${why}`)
    }
    startLine(`${path}:1`)
    for (const match of text.matchAll(tokens)) {
      const [token] = match
      const included = match.groups?.['path']
      end = match.index + token.length
      if (included !== undefined) {
        if (depth === mostIncludes) fail(`more than ${mostIncludes} files include one another`)
        if (!included.startsWith('/')) fail(`${included} is looked for where Kea was started; name it from / on`)
        yield* expand({ path: included, text: read(included) }, depth + 1)
        startLine(`${path}:${line}`)
      } else if (token === ',') isComma = true
      else if (/^[\s#/]/.test(token)) piece += ' '
      else write(token, fail)
      for (let at = token.indexOf('\n'); at >= 0; at = token.indexOf('\n', at + 1)) startLine(`${path}:${++line}`)
    }
    if (end !== text.length) fail(`Kea reads nothing that begins with ${JSON.stringify(text.slice(end, end + 10))}`)
    if (depth === 0 && open.length > 0) fail(`${open.at(-1) ?? ''} is never closed`)
    yield take()
  }
  return { pieces: expand(main, 0), placeOf: (line) => places[line - 1] ?? null }
}

// bootstead.yaml: its values with the lines they stand on.
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import type { Pair } from 'yaml'
import { UsageError } from './failure.ts'

export type FileValue = Readonly<{
  value: unknown
  /** Of a key within the value, or of the nearest one above it that is there. */
  lineOf: (path: readonly PropertyKey[]) => number
}>

/**
 * The file's top-level keys.
 * @throws UsageError when it is not YAML, or not a list of `name: value`
 */
export function parseConfigFile(text: string, file: string): ReadonlyMap<string, FileValue> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [error] = document.errors
  if (error !== undefined) throw new UsageError(`${file} line ${lines.linePos(error.pos[0]).line}: ${error.message}`)
  const { contents } = document
  if (contents === null || (isScalar(contents) && contents.value === null)) return new Map()
  if (!isMap(contents)) throw new UsageError(`${file}: expected lines such as http_port: 8080`)
  const values = new Map<string, FileValue>()
  for (const pair of contents.items) {
    const { key, value } = pair
    const plain: unknown = value === null ? null : value.toJS(document)
    values.set(String(key), { value: plain, lineOf: (path) => lines.linePos(offsetOf(pair, path)).line })
  }
  return values
}

function offsetOf(pair: Pair, [first, ...rest]: readonly PropertyKey[]): number {
  const { key, value } = pair
  const within = isMap(value) ? value.items.find((item) => String(item.key) === first) : undefined
  if (within !== undefined) return offsetOf(within, rest)
  return isScalar(key) ? (key.range?.[0] ?? 0) : 0
}

// bootstead.yaml: its values with the lines they stand on.
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import { UsageError } from './failure.ts'

export type FileValue = Readonly<{ value: unknown; line: number }>

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
  for (const { key, value } of contents.items) {
    const plain: unknown = value === null ? null : value.toJS(document)
    values.set(String(key), { value: plain, line: lines.linePos(isScalar(key) ? key.range[0] : 0).line })
  }
  return values
}

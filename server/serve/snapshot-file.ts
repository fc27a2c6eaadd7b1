// The local copy of the inventory: one JSON line a row, later lines win. It is what is served when the database is
// away at start.
import { createReadStream, createWriteStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { encodeRow } from '../inventory/encode.ts'
import { rowKey, tableNames } from '../inventory/rows.ts'
import type { RowChange, Snapshot } from '../inventory/snapshot.ts'
import { changeSnapshotInSlices, emptySnapshot, rowsOf } from '../inventory/snapshot.ts'
import { inSlices } from '../inventory/slices.ts'

export type SnapshotFile = Readonly<{
  /** Adds changed rows at the end. */
  append: (rows: readonly RowChange[], revision: number) => Promise<void>
  close: () => Promise<void>
}>

type Line = Readonly<{ revision: number }> | readonly [RowChange['table'], string, RowChange['raw']]

const format = 1
const linesPerChunk = 500

/** Writes the whole copy anew (temporary file, fsync, rename) and keeps it open for appending. Mode 0600: it has tokens. */
export async function writeSnapshotFile(path: string, snapshot: Snapshot): Promise<SnapshotFile> {
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.new`
  await pipeline(Readable.from(chunksOf(snapshot)), createWriteStream(temporary, { mode: 0o600 }))
  const handle = await open(temporary, 'a', 0o600)
  await handle.sync()
  await rename(temporary, path)
  return appendTo(handle)
}

function appendTo(handle: FileHandle): SnapshotFile {
  return {
    append: async (rows, revision) => {
      const lines = rows.map(({ table, key, raw }): Line => [table, key, raw])
      await handle.appendFile(toText([...lines, { revision }]))
    },
    close: () => handle.close(),
  }
}

const toText = (lines: readonly Line[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('')

async function* chunksOf(snapshot: Snapshot): AsyncGenerator<string> {
  yield `${JSON.stringify({ format, revision: snapshot.revision })}\n`
  let lines: Line[] = []
  for (const line of linesOf(snapshot)) {
    lines.push(line)
    if (lines.length < linesPerChunk) continue
    yield toText(lines)
    lines = []
    await new Promise((resolve) => setImmediate(resolve)) // a server answers in between
  }
  yield toText(lines)
}

function* linesOf(snapshot: Snapshot): Generator<Line> {
  for (const table of tableNames)
    for (const row of rowsOf(snapshot, table)) yield [table, rowKey(table, row), encodeRow(row)]
  for (const rows of snapshot.unreadable.values()) for (const { table, key, raw } of rows) yield [table, key, raw]
  for (const [machine, tokens] of snapshot.tokens)
    for (const token of tokens) yield ['tokens', `${machine}/${token.id}`, token]
}

/** The copy as a snapshot, or null when there is none. A last line cut short by a crash is passed over. */
export async function readSnapshotFile(path: string): Promise<Snapshot | null> {
  const rows: RowChange[] = []
  let revision: number | null = null
  try {
    for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      const line = parseLine(text)
      if (line === null) break
      if ('revision' in line) revision = line.revision
      else rows.push({ table: line[0], key: line[1], raw: line[2] })
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Error(`read the local copy of the inventory ${path}`, { cause: error })
  }
  return revision === null ? null : inSlices(changeSnapshotInSlices(emptySnapshot, rows, revision, 200))
}

function parseLine(text: string): Line | null {
  try {
    return JSON.parse(text) as Line
  } catch {
    return null
  }
}

// What is to be published, as the publisher compares it, and whose bytes are whose.
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { DiskFile, Section } from '../../render/files.ts'
import { errorCode } from '../images/library.ts'
import { breathing } from './durable.ts'
import type { SectionIndex } from './manifest.ts'

export type Many<T> = Iterable<T> | AsyncIterable<T>

export type FileSet =
  /** Files of ours that are not among them are removed. Read once, one by one: 300,000 need not be in memory. */
  | Readonly<{ kind: 'whole'; files: Many<DiskFile> }>
  /** The rest stays as it is. `removed` is read when `changed` is at its end: which have no file may show only then. */
  | Readonly<{ kind: 'partial'; changed: Many<DiskFile>; removed: readonly string[] }>

export type Incoming = Readonly<{
  path: string
  sha256: string
  sections: SectionIndex
  /** @throws SourceLost */
  bytes: () => Buffer
}>

/** The file that is to be copied is gone, or is another one. */
export class SourceLost extends Error {
  override name = 'SourceLost'
}

/** A set in the publisher's own terms. */
export type Wanted = Readonly<{ files: Many<Incoming>; removed: readonly string[] | 'all others' }>

export const sha256Of = (bytes: Buffer): string => hash('sha256', bytes, 'hex')

export function wantedOf(set: FileSet): Wanted {
  return set.kind === 'whole'
    ? { files: eachIncoming(set.files), removed: 'all others' }
    : { files: eachIncoming(set.changed), removed: set.removed }
}

async function* eachIncoming(files: Many<DiskFile>): AsyncGenerator<Incoming> {
  const breathe = breathing() // they are rendered here
  for await (const file of files) {
    await breathe()
    yield incomingOf(file)
  }
}

function incomingOf(file: DiskFile): Incoming {
  if (file.kind === 'copy')
    return { path: file.path, sha256: file.sha256, sections: null, bytes: () => readSource(file.source, file.sha256) }
  const bytes = Buffer.from(file.sections.map(({ text }) => text).join(''))
  return { path: file.path, sha256: sha256Of(bytes), sections: indexOf(file.sections), bytes: () => bytes }
}

function readSource(source: string, sha256: string): Buffer {
  const wayOut = 'collect the loaders again, or add the image again'
  let bytes: Buffer
  try {
    bytes = readFileSync(source)
  } catch (cause) {
    throw new SourceLost(`${source} can't be read (${errorCode(cause) ?? String(cause)}); ${wayOut}`, { cause })
  }
  if (sha256Of(bytes) === sha256) return bytes
  throw new SourceLost(`${source} has another checksum than it was collected or added with; ${wayOut}`)
}

type Entry = readonly [machine: string | null, bytes: number]

const indexOf = (sections: readonly Section[]): SectionIndex =>
  JSON.stringify(sections.map(({ machine, text }): Entry => [machine, Buffer.byteLength(text)]))

const entriesOf = (index: SectionIndex): readonly Entry[] => JSON.parse(index ?? '[]') as readonly Entry[]

/** The sections of a file that was read back. A file whose index does not fit, somebody else's, is nobody's lines. */
export function cutSections(bytes: Buffer, index: SectionIndex): readonly Section[] {
  const entries = entriesOf(index)
  if (entries.reduce((sum, [, length]) => sum + length, 0) !== bytes.length)
    return [{ machine: null, text: bytes.toString() }]
  let at = 0
  return entries.map(([machine, length]) => ({ machine, text: bytes.toString('utf8', at, (at += length)) }))
}

/** The machine whose line this is, counted from 1; null when it is nobody's. */
export function machineAtLine(bytes: Buffer, index: SectionIndex, line: number): string | null {
  let offset = 0
  for (let passed = 1; passed < line; passed++) {
    const end = bytes.indexOf(0x0a, offset)
    if (end < 0) return null
    offset = end + 1
  }
  let at = 0
  for (const [machine, length] of entriesOf(index)) if ((at += length) > offset) return machine
  return null
}

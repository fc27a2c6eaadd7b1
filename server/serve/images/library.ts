// How a file comes into the state folder: written once, hashed on the way, on the disk before anybody hears of it.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import type { Checksum } from '../../inventory/treeinfo.ts'

export type StoredFile = Readonly<{ sha256: string; size: number }>

export type Expected = Readonly<{
  /** Where the bytes come from, for messages. */
  origin: string
  /** Null when the sender doesn't say. */
  bytes: number | null
  checksum: Checksum | null
}>

/**
 * Writes a new file, mode 0644, and fsyncs it. On any failure the file is gone again.
 * @throws when it exists, and when the bytes are too few, too many, none, or not those of the checksum
 */
export async function storeFile(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  path: string,
  expected: Expected,
): Promise<StoredFile> {
  const file = await open(path, 'wx', 0o644)
  try {
    try {
      const stored = await writeChunks(file.write.bind(file), chunks, expected)
      await file.chmod(0o644) // whatever the umask: another user may run the doors
      await file.sync()
      return stored
    } finally {
      await file.close()
    }
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

type Write = (chunk: Uint8Array, offset: number, length: number) => Promise<{ bytesWritten: number }>

async function writeChunks(
  write: Write,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { origin, bytes, checksum }: Expected,
): Promise<StoredFile> {
  const sha256 = createHash('sha256')
  const given = checksum === null ? null : createHash(checksum.algorithm)
  let size = 0
  try {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length;) at += (await write(chunk, at, chunk.length - at)).bytesWritten
      sha256.update(chunk)
      given?.update(chunk)
      size += chunk.length
    }
  } catch (cause) {
    throw new Error(`${origin}: broke off after ${size} of ${bytes ?? 'unknown'} bytes: ${reasonOf(cause)}`, { cause })
  }
  if (bytes !== null && size !== bytes) throw new Error(`${origin}: ${size} of ${bytes} bytes came`)
  if (size === 0) throw new Error(`${origin}: the file is empty`)
  const found = given?.digest('hex')
  if (checksum !== null && found !== checksum.hex)
    throw new Error(
      `${origin}: its ${checksum.algorithm} is ${found ?? ''}, but the tree's treeinfo says ${checksum.hex}`,
    )
  return { sha256: sha256.digest('hex'), size }
}

export async function hashFile(path: string): Promise<string> {
  const sha256 = createHash('sha256')
  for await (const chunk of createReadStream(path)) sha256.update(chunk as Buffer)
  return sha256.digest('hex')
}

/** Makes names in a folder as durable as the files: rename alone is not, fsync(2). */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** fetch() and execFile() hide the reason one cause deeper. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

/** Whether a system call failed because the path leads to nothing. */
export function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes(errorCode(error) ?? '')
}

export function errorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
}

// A file over HTTP. Boot files, which a whole farm fetches at once, come from the memory that TFTP has them in: to read
// them from the disk again for each machine took three times the processor time.
import type { Request, Response } from 'express'
import { extname } from 'node:path'
import type { FileCache, LocatedFile } from '../files.ts'

/** Of larger ones a few would push out all others: they are read as they are sent. */
const MOST_KEPT = 128 * 1024 * 1024

const CACHE_CONTROL = 'no-cache'

/**
 * Calls `done` when the response has been sent, or with why it was not, or not as a whole. Nothing has been answered then
 * if response.headersSent says so.
 */
export async function sendFile(
  files: FileCache,
  request: Request,
  response: Response,
  { path, file }: Readonly<{ path: string; file: LocatedFile }>,
  done: (error?: Error) => void,
): Promise<void> {
  const bytes = isBootFile(path, file) && wantsAll(request) ? await read(files, file) : null
  if (bytes !== null) return sendBytes(response, file, bytes, done)
  const headers = { 'Cache-Control': CACHE_CONTROL }
  response.sendFile(file.path, { dotfiles: 'allow', acceptRanges: true, cacheControl: false, headers }, done)
}

/** Packages are many, and each machine wants others. */
const isBootFile = (path: string, { size }: LocatedFile): boolean => !path.startsWith('repo/') && size <= MOST_KEPT

const conditions = ['range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since']

const wantsAll = ({ method, headers }: Request): boolean =>
  method === 'GET' && conditions.every((name) => headers[name] === undefined)

/** Null when it is another file since it was found: then whoever opens it anew has the right one. */
async function read(files: FileCache, file: LocatedFile): Promise<Uint8Array | null> {
  try {
    return await files.read(file)
  } catch {
    return null
  }
}

/** With the headers of express's sendFile(), so that a client may go on with a part of it, or ask whether it is the same. */
function sendBytes(
  response: Response,
  { path, size, mtimeMs }: LocatedFile,
  bytes: Uint8Array,
  done: (error?: Error) => void,
): void {
  const modified = new Date(mtimeMs)
  response.type(extname(path) || 'application/octet-stream')
  response.set({
    'Accept-Ranges': 'bytes',
    'Cache-Control': CACHE_CONTROL,
    'Content-Length': String(size),
    ETag: `W/"${size.toString(16)}-${modified.getTime().toString(16)}"`,
    'Last-Modified': modified.toUTCString(),
  })
  const { socket } = response // gone from the response when it has been sent
  response.end(bytes, () =>
    done(socket?.destroyed === true ? new Error('the client closed the connection') : undefined),
  )
}

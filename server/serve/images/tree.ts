// An installation tree, in a folder or behind HTTP: the same three questions to both.
import { createReadStream } from 'node:fs'
import { readFile, realpath, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import type { Checksum } from '../../inventory/treeinfo.ts'
import type { StoredFile } from './library.ts'
import { errorCode, isAbsent, reasonOf, storeFile } from './library.ts'

export type Tree = Readonly<{
  /** For messages. */
  location: string
  has: (path: string) => Promise<boolean>
  /** A small text file, or null when the tree has none. */
  text: (path: string) => Promise<string | null>
  /** Copies a file of the tree to `destination`, which must not exist. */
  store: (path: string, destination: string, checksum: Checksum | null) => Promise<StoredFile>
}>

export const isUrl = (location: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(location)

/** No treeinfo is near this size; something else under its name must not fill the memory. */
const TEXT_MAX_BYTES = 1024 * 1024

export function openTree(location: string, signal?: AbortSignal): Tree {
  return isUrl(location) ? httpTree(location, signal) : folderTree(location)
}

/** A single file by path or URL, to be stored like one of a tree. */
export async function storeLocation(location: string, destination: string, signal?: AbortSignal): Promise<StoredFile> {
  if (isUrl(location)) return storeResponse(await request('GET', treeUrl(location), signal), destination, null)
  return storeRegularFile(resolve(location), destination, null)
}

function folderTree(folder: string): Tree {
  const root = resolve(folder)
  const find = async (path: string): Promise<string | null> => {
    try {
      return await insideTree(root, path)
    } catch (error) {
      if (isAbsent(error)) return null
      throw error
    }
  }
  return {
    location: root,
    has: async (path) => (await find(path)) !== null,
    text: async (path) => {
      const found = await find(path)
      if (found === null) return null
      const { size } = await regularFile(found)
      if (size > TEXT_MAX_BYTES) throw new Error(`${found}: ${size} bytes are too many for a text about the tree`)
      return readFile(found, 'utf8')
    },
    store: async (path, destination, checksum) => {
      const found = await find(path)
      if (found === null) throw new Error(`${join(root, path)}: no such file`)
      return storeRegularFile(found, destination, checksum)
    },
  }
}

/** Also of an ISO made by a stranger: a link to /etc/shadow is not copied to where every machine can read it. */
async function insideTree(root: string, path: string): Promise<string> {
  const real = await realpath(join(root, path))
  if (!real.startsWith(`${(await realpath(root)).replace(/\/$/, '')}${sep}`))
    throw new Error(`${join(root, path)} is a symbolic link that leaves the tree`)
  return real
}

/** @throws also for a FIFO, which would never end, and a folder */
async function regularFile(path: string): Promise<{ size: number }> {
  const found = await stat(path)
  if (!found.isFile()) throw new Error(`${path} is not a regular file`)
  return found
}

async function storeRegularFile(path: string, destination: string, checksum: Checksum | null): Promise<StoredFile> {
  try {
    const { size } = await regularFile(path)
    return await storeFile(createReadStream(path), destination, { origin: path, bytes: size, checksum })
  } catch (cause) {
    throw errorCode(cause) === 'ENOENT' ? new Error(`${path}: no such file`, { cause }) : cause
  }
}

function httpTree(location: string, signal?: AbortSignal): Tree {
  const root = treeUrl(location)
  const at = (path: string): string => `${root}/${path.split('/').map(encodeURIComponent).join('/')}`
  return {
    location: root,
    has: async (path) => (await request('HEAD', at(path), signal)).kind === 'found',
    text: async (path) => {
      const answer = await request('GET', at(path), signal)
      return answer.kind === 'absent' ? null : readText(answer)
    },
    store: async (path, destination, checksum) =>
      storeResponse(await request('GET', at(path), signal), destination, checksum),
  }
}

/**
 * The URL as machines will be told it: no slash at its end.
 * @throws for anything but plain http and https; the message never repeats a password
 */
export function treeUrl(location: string): string {
  const url = URL.canParse(location) ? new URL(location) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new Error(`${location}: expected http://… or https://…, or a folder`)
  if (url.username !== '' || url.password !== '')
    throw new Error(
      `${url.host}: a URL with a user name or password in it would be shown to every machine; give one without`,
    )
  if (url.search !== '' || url.hash !== '') throw new Error(`${location}: expected a URL without ? and #`)
  return url.href.replace(/\/+$/, '')
}

type Answer =
  Readonly<{ kind: 'found'; url: string; response: Response }> | Readonly<{ kind: 'absent'; url: string; why: string }>

async function request(method: 'GET' | 'HEAD', url: string, signal?: AbortSignal): Promise<Answer> {
  // `identity`: what is counted and hashed must be the file, not an encoding of it.
  const options: RequestInit = { method, headers: { 'accept-encoding': 'identity' }, ...(signal ? { signal } : {}) }
  const response = await fetch(url, options).catch((cause: unknown) => {
    throw new Error(`${url}: ${reasonOf(cause)}`, { cause })
  })
  if (response.status === 200 && !response.headers.has('content-encoding')) return { kind: 'found', url, response }
  await response.body?.cancel()
  const why = `${url}: the server answered ${response.status} ${response.statusText}`.trimEnd()
  if (response.status === 404 || response.status === 410) return { kind: 'absent', url, why }
  throw new Error(response.status === 200 ? `${url}: the server sent it encoded though asked not to` : why)
}

async function readText({ url, response }: Extract<Answer, { kind: 'found' }>): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bodyOf(response)) {
    size += chunk.length
    if (size > TEXT_MAX_BYTES)
      throw new Error(`${url}: more than ${TEXT_MAX_BYTES} bytes are too many for a text about the tree`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function storeResponse(answer: Answer, destination: string, checksum: Checksum | null): Promise<StoredFile> {
  if (answer.kind === 'absent') throw new Error(answer.why)
  const { url, response } = answer
  // Portals and mirrors answer 200 with a page that says "not found"; such pages have been booted.
  if (/^text\/html\b/i.test(response.headers.get('content-type') ?? '')) {
    await response.body?.cancel()
    throw new Error(`${url}: the server sent a web page`)
  }
  const length = response.headers.get('content-length')
  return storeFile(bodyOf(response), destination, {
    origin: url,
    bytes: length === null ? null : Number(length),
    checksum,
  })
}

/** An answer without a body is one of no bytes. */
async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
  if (response.body !== null) yield* response.body
}

// STATE/dhcp6-duid: what clients know this server by. Made once, by chance, so that no two servers have the same.
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** RFC 6355 §4: type 4, then a UUID. */
const form = /^0004[0-9a-f]{32}$/

/**
 * RFC 8415 §11: unique among all servers and clients, and the same for as long as the server lives.
 * @throws Error naming the file when it can't be read or written, or isn't what we write
 */
export async function serverDuid(stateDir: string): Promise<Uint8Array> {
  const path = join(stateDir, 'dhcp6-duid')
  const kept = await readKept(path)
  if (kept !== null && !form.test(kept))
    throw new Error(`${path} holds no DUID of ours; remove it, and clients will take this server for another one`)
  const duid = kept ?? `0004${randomUUID().replaceAll('-', '')}`
  if (kept === null) await keep(path, stateDir, duid)
  return new Uint8Array(Buffer.from(duid, 'hex'))
}

async function readKept(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Error(`read ${path}`, { cause: error })
  }
}

async function keep(path: string, stateDir: string, duid: string): Promise<void> {
  await mkdir(stateDir, { recursive: true })
  await writeFile(`${path}.new`, `${duid}\n`)
  await rename(`${path}.new`, path)
}

// STATE/seen.json: who asked for an address in vain, for the command line and whoever else wants to read it.
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

export const seenClient = z.object({
  /** As on the wire: six octets for Ethernet. Of a client of DHCPv6 that hides it: its DUID. */
  mac: z.string(),
  /** Null for a stranger. */
  machine: z.string().nullable(),
  why: z.string(),
  vendorClass: z.string().nullable(),
  /** Option 93. */
  architecture: z.number().nullable(),
  uuid: z.string().nullable(),
  /** The relay's address, the interface, or the address that asked. */
  via: z.string(),
  firstAt: z.string(),
  lastAt: z.string(),
  count: z.number(),
})
export type SeenClient = Readonly<z.output<typeof seenClient>>

const seenFile = z.object({ format: z.literal(1), clients: z.array(seenClient) })

const pathIn = (stateDir: string): string => join(stateDir, 'seen.json')

/**
 * Whoever asked last comes first; null when no server has written any.
 * @throws Error naming the file when it can't be read or isn't what we write
 */
export async function readSeen(stateDir: string): Promise<readonly SeenClient[] | null> {
  const path = pathIn(stateDir)
  try {
    return seenFile.parse(JSON.parse(await readFile(path, 'utf8'))).clients
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Error(`read ${path}; it may be removed`, { cause: error })
  }
}

/** Readers find the old list or the new one; after a power cut it may be the old one. */
export async function writeSeen(stateDir: string, clients: readonly SeenClient[]): Promise<void> {
  const temporary = `${pathIn(stateDir)}.new`
  await writeFile(temporary, JSON.stringify({ format: 1, clients }))
  await rename(temporary, pathIn(stateDir))
}

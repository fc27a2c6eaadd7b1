// What a publication was made from is kept with it, for whoever makes the next one of what has changed since.
import { identityOf, openPlaces } from './judge.ts'
import { breathing } from './durable.ts'
import type { FileSet } from './incoming.ts'
import type { Manifest } from './manifest.ts'
import type { Disk } from './open.ts'

/** What a folder says of the publication before. */
export type Published = Readonly<{
  /** What that one's maker left for the next; null when everything is to be made anew. */
  basis: string | null
  /** Paths that were left alone: as long as nobody settles them, each publication has to look again. */
  unsettled: readonly string[]
  /** Paths of ours that are not as they were published: edited, only touched, or gone. Reads no file. */
  altered: () => Promise<readonly string[]>
}>

export type Made = Readonly<{
  set: FileSet
  /** Null: the next publication will have to make everything. */
  basis: string | null
}>

/** A set that is made under the folder's lock, knowing the publication before. */
export type Maker = (published: Published) => Promise<Made>

export function makeOn(disk: Disk, set: FileSet | Maker): Promise<Made> {
  if (typeof set !== 'function') return Promise.resolve({ set, basis: null })
  const { manifest, swap } = disk
  return set({
    basis: isInPlace(disk) ? manifest.basis() : null,
    unsettled: manifest.unsettled(),
    altered: () => alteredPaths(manifest, swap.base()),
  })
}

/** Whether the folder shows the last generation: whoever removes all that was published gets all of it again. */
function isInPlace({ target, manifest, swap }: Disk): boolean {
  const latest = manifest.latest()?.id ?? 0
  return target.swap === 'files' || (swap.base() === null ? latest === 0 : swap.lastUsed() === latest)
}

async function alteredPaths(manifest: Manifest, base: string | null): Promise<readonly string[]> {
  const breathe = breathing()
  const places = openPlaces(base)
  const altered: string[] = []
  for (const page of manifest.publishedPages(manifest.nextId()))
    for (const [, path, identity] of page) {
      await breathe()
      const found = places.look(path)
      if (found === null || identityOf(found) !== identity) altered.push(path)
    }
  return altered
}

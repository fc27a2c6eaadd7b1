// Earlier generations: what they were, and how one comes back. A rollback is a publication of what a generation held, a
// new generation of its own: checked, swapped and kept like any other, and conflicts are left alone all the same.
import type { Incoming } from './incoming.ts'
import type { Conflict } from './judge.ts'
import { conflictAt } from './judge.ts'
import type { Generation, Manifest } from './manifest.ts'
import { lookAtDisk, withDisk } from './open.ts'
import type { Wait } from './open.ts'
import type { Publication, PublishOptions } from './publish.ts'
import { publishOn } from './publish.ts'
import type { DiskTarget } from './swap.ts'

export type Rollback = Publication | Readonly<{ kind: 'impossible'; why: string }>

/** Newest first; the first is what is published. */
export function listGenerations(target: DiskTarget, options: Wait = {}): Promise<readonly Generation[]> {
  return lookAtDisk(target, options, ({ manifest }) => Promise.resolve(manifest.generations()))
}

/** @param to a generation, or null for the one before: after a rollback the one before that which it restored */
export function rollBack(target: DiskTarget, to: number | null, options: PublishOptions): Promise<Rollback> {
  return withDisk(target, options, async (disk) => {
    const { manifest } = disk
    const kept = manifest.generations()
    const latest = kept[0]
    if (latest === undefined) return { kind: 'impossible', why: `nothing was published into ${target.folder} yet` }
    const goal = to ?? (latest.restores ?? latest.id) - 1
    if (!kept.some(({ id }) => id === goal)) return { kind: 'impossible', why: whyNot(goal, kept) }
    const lost: Conflict[] = []
    const files = contentOf(manifest, goal, lost)
    const wanted = { files, removed: manifest.addedSince(goal) }
    const publication = await publishOn(disk, wanted, { ...options, restores: goal, basis: null })
    return { ...publication, conflicts: [...publication.conflicts, ...lost] }
  })
}

function whyNot(goal: number, kept: readonly Generation[]): string {
  const [newest, oldest] = [kept[0]?.id ?? 0, kept.at(-1)?.id ?? 0]
  return newest === oldest
    ? `generation ${newest} is the only one that is kept`
    : `generation ${goal} is not kept: there are ${oldest} to ${newest}`
}

function* contentOf(manifest: Manifest, generation: number, lost: Conflict[]): Generator<Incoming> {
  for (const id of manifest.changedSince(generation)) {
    const { path, sha256, sections, bytes } = manifest.oldVersion(id)
    if (bytes === null) {
      lost.push(conflictAt(path, 'lost', `had vanished when generation ${generation} was replaced; left as it is`))
      continue
    }
    yield { path, sha256, sections, bytes: () => bytes }
  }
}

// Makes a folder hold exactly the files of a set. One publication is one transaction of the manifest: files are staged
// while it is open, its commit decides, and finishing brings them into place, now or after a crash.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Blamed } from './check.ts'
import { blameLines } from './check.ts'
import { stepsOf } from './compare.ts'
import type { FileSet, Incoming, Wanted } from './incoming.ts'
import { wantedOf } from './incoming.ts'
import type { Conflict } from './judge.ts'
import { openPlaces, privateFolder } from './judge.ts'
import type { Found, Manifest, SectionIndex, Version } from './manifest.ts'
import type { Disk, Told, Wait } from './open.ts'
import { withDisk } from './open.ts'
import type { DiskTarget } from './swap.ts'

export type PublishOptions = Wait &
  Readonly<{
    now: Date
    /** Paths whose files may be replaced, or removed, whoever wrote them. */
    adopt?: ReadonlySet<string>
    /** How many earlier generations a rollback can reach. */
    keep?: number
  }>

export type Publication = Told &
  (
    | Readonly<{ kind: 'unchanged' }>
    | Readonly<{ kind: 'published'; generation: number; written: number; removed: number }>
    /** The checker said no: nothing was published. */
    | (Refusal & Readonly<{ kind: 'refused' }>)
  )

type Refusal = Readonly<{ output: string; blamed: readonly Blamed[] }>

const defaultKeep = 5

/** @throws DiskBusy; Error when the folder can't be written, and when a checker can't run */
export function publish(target: DiskTarget, set: FileSet, options: PublishOptions): Promise<Publication> {
  return withDisk(target, options, (disk) => publishOn(disk, wantedOf(set), { ...options, restores: null }))
}

type Plan = Omit<PublishOptions, keyof Wait> & Readonly<{ restores: number | null }>

export async function publishOn(disk: Disk, wanted: Wanted, plan: Plan): Promise<Publication> {
  const { manifest, swap } = disk
  const generation = Math.max(manifest.latest()?.id ?? 0, swap.lastUsed()) + 1
  const told = { conflicts: [...(disk.resumed ?? [])], resumed: disk.resumed !== null }
  let isCommitted = false
  manifest.begin()
  try {
    const { written, removed } = await stageChanges(disk, wanted, plan, generation, told.conflicts)
    if (written + removed.size === 0) {
      manifest.commit() // identities of files that were touched
      return { kind: 'unchanged', ...told }
    }
    const root = await swap.complete(generation, removed)
    const refusal = await check(disk, root)
    if (refusal !== null) {
      manifest.rollBack()
      swap.discard(generation)
      return { kind: 'refused', ...refusal, ...told }
    }
    manifest.addGeneration(generation, plan.now.toISOString(), plan.restores)
    manifest.forgetBefore(generation - (plan.keep ?? defaultKeep))
    manifest.commit()
    isCommitted = true
    const late = (await swap.finish(manifest)) ?? []
    return {
      kind: 'published',
      generation,
      written,
      removed: removed.size,
      ...told,
      conflicts: [...told.conflicts, ...late],
    }
  } catch (error) {
    if (!isCommitted) abandon(disk, generation) // or else what is left is finished by the next run
    throw error
  }
}

async function check({ target, manifest }: Disk, root: string): Promise<Refusal | null> {
  if (target.swap !== 'folder' || target.check === null) return null
  const scratch = join(target.folder, privateFolder, 'check')
  rmSync(scratch, { recursive: true, force: true }) // that of a check that was killed
  try {
    const verdict = await target.check(root, scratch)
    if (verdict.ok) return null
    const indexOf = (path: string): SectionIndex => manifest.publishedAt([path]).get(path)?.sections ?? null
    return { output: verdict.output, blamed: blameLines(verdict.output, root, scratch, indexOf) }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

function abandon({ manifest, swap }: Disk, generation: number): void {
  try {
    if (manifest.inTransaction()) manifest.rollBack() // SQLite itself does so when the disk is full
    swap.discard(generation)
  } catch {
    // The file system is in no state to be tidied: the next run does it.
  }
}

async function stageChanges(
  { manifest, swap }: Disk,
  wanted: Wanted,
  { adopt = new Set() }: Plan,
  generation: number,
  conflicts: Conflict[],
): Promise<Readonly<{ written: number; removed: ReadonlySet<string> }>> {
  const stage = openStage(manifest, generation, swap.stage)
  const removed = new Set<string>()
  let written = 0
  for await (const step of stepsOf(manifest, openPlaces(swap.base()), wanted, adopt)) {
    switch (step.kind) {
      case 'same':
        stage.note(step.known, step.wanted, step.identity)
        break
      case 'write':
        stage.write(step.known, step.wanted, step.found)
        written++
        break
      case 'remove':
        manifest.replace(step.known, step.found, generation)
        removed.add(step.known.path)
        break
      case 'conflict':
        conflicts.push(step.conflict)
        break
      default:
        step satisfies never
    }
  }
  return { written, removed }
}

function openStage(manifest: Manifest, generation: number, stage: Disk['swap']['stage']) {
  let nextId = manifest.nextId()
  return {
    /** Nothing to write, but perhaps to learn: a file that was touched, or that lay there before us. */
    note: (known: Version | null, { path, sha256, sections }: Incoming, identity: string): void => {
      if (known === null) manifest.add(nextId++, path, { sha256, identity, sections }, 0)
      else if (known.identity !== identity || known.sections !== sections || known.sha256 !== sha256)
        manifest.correct(known.id, { sha256, identity, sections })
    },
    write: (known: Version | null, wanted: Incoming, found: Found | null): void => {
      const { path, sha256, sections } = wanted
      const isLost = known !== null && found === null && known.sha256 === sha256
      const id = isLost ? known.id : nextId++
      const identity = stage(generation, id, path, wanted.bytes())
      if (isLost) return manifest.correct(id, { sha256, identity, sections })
      if (known !== null) manifest.replace(known, found, generation)
      else if (found !== null) manifest.addReplaced(nextId++, path, found, generation)
      manifest.add(id, path, { sha256, identity, sections }, generation)
    },
  }
}

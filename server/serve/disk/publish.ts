// Makes a folder hold exactly the files of a set. One publication is one transaction of the manifest: files are staged
// while it is open, its commit decides, and finishing brings them into place, now or after a crash.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Maker } from './basis.ts'
import { makeOn } from './basis.ts'
import type { Blamed, CheckVerdict } from './check.ts'
import { blameLines, withoutFolders } from './check.ts'
import type { Step } from './compare.ts'
import { stepsOf } from './compare.ts'
import type { FileSet, Incoming, Wanted } from './incoming.ts'
import { wantedOf } from './incoming.ts'
import type { Conflict } from './judge.ts'
import { openPlaces, privateFolder } from './judge.ts'
import type { Manifest, SectionIndex, Version } from './manifest.ts'
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
    /** `note`: which check was left out, and why. */
    | Readonly<{ kind: 'published'; generation: number; written: number; removed: number; note: string | null }>
    /** The checker said no: nothing was published. */
    | (Refusal & Readonly<{ kind: 'refused' }>)
  )

type Refusal = Readonly<{ output: string; blamed: readonly Blamed[] }>

const defaultKeep = 5

/** @throws DiskBusy; Error when the folder can't be written, and when a checker can't run */
export function publish(target: DiskTarget, set: FileSet | Maker, options: PublishOptions): Promise<Publication> {
  return withDisk(target, options, async (disk) => {
    const made = await makeOn(disk, set)
    return publishOn(disk, wantedOf(made.set), { ...options, restores: null, basis: made.basis })
  })
}

type Plan = Omit<PublishOptions, keyof Wait> & Readonly<{ restores: number | null; basis: string | null }>

export async function publishOn(disk: Disk, wanted: Wanted, plan: Plan): Promise<Publication> {
  const { manifest, swap } = disk
  const generation = Math.max(manifest.latest()?.id ?? 0, swap.lastUsed()) + 1
  const conflicts = new Map(disk.resumed?.map((conflict) => [conflict.path, conflict]))
  const told = (): Told => ({
    files: manifest.files(),
    conflicts: [...conflicts.values()],
    resumed: disk.resumed !== null,
  })
  let isCommitted = false
  manifest.begin()
  try {
    const { written, removed } = await stageChanges(disk, wanted, plan, generation, conflicts)
    manifest.leave(plan.basis, new Set(conflicts.keys()))
    if (written + removed.size === 0) {
      manifest.commit() // identities of files that were touched
      return { kind: 'unchanged', ...told() }
    }
    const root = await swap.complete(generation, removed)
    const verdict = await check(disk, root)
    if (!verdict.ok) {
      manifest.rollBack()
      swap.discard(generation)
      return { kind: 'refused', output: verdict.output, blamed: verdict.blamed, ...told() }
    }
    const { now, restores } = plan
    manifest.addGeneration({ id: generation, at: now.toISOString(), restores, written, removed: removed.size })
    manifest.forgetBefore(generation - (plan.keep ?? defaultKeep))
    manifest.commit()
    isCommitted = true
    for (const late of (await swap.finish(manifest)) ?? []) conflicts.set(late.path, late)
    const { note = null } = verdict
    return { kind: 'published', generation, written, removed: removed.size, note, ...told() }
  } catch (error) {
    if (!isCommitted) abandon(disk, generation) // or else what is left is finished by the next run
    throw error
  }
}

type Verdict = Extract<CheckVerdict, { ok: true }> | (Refusal & Readonly<{ ok: false }>)

async function check({ target, manifest }: Disk, root: string): Promise<Verdict> {
  if (target.check === null) return { ok: true }
  const scratch = join(target.folder, privateFolder, 'check')
  rmSync(scratch, { recursive: true, force: true }) // that of a check that was killed
  try {
    const verdict = await target.check(root, scratch)
    if (verdict.ok) return verdict
    const indexOf = (path: string): SectionIndex => manifest.publishedAt([path]).get(path)?.sections ?? null
    const blamed = blameLines(verdict.output, root, scratch, indexOf)
    return { ok: false, output: withoutFolders(verdict.output, root, scratch), blamed }
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
  conflicts: Map<string, Conflict>,
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
        stage.write(step)
        written++
        break
      case 'remove':
        manifest.replace(step.known, step.found, generation)
        removed.add(step.known.path)
        break
      case 'conflict':
        conflicts.set(step.conflict.path, step.conflict)
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
    write: ({ known, wanted: { path, sha256, sections }, bytes, found }: Extract<Step, { kind: 'write' }>): void => {
      const isLost = known !== null && found === null && known.sha256 === sha256
      const id = isLost ? known.id : nextId++
      const identity = stage(generation, path, bytes)
      if (isLost) return manifest.correct(id, { sha256, identity, sections })
      if (known !== null) manifest.replace(known, found, generation)
      else if (found !== null) manifest.addReplaced(nextId++, path, found, generation)
      manifest.add(id, path, { sha256, identity, sections }, generation)
    },
  }
}

// What would have to be done for a folder to hold exactly a set, one file at a time.
import type { FileChange, Side } from '../../render/diff.ts'
import type { Maker } from './basis.ts'
import { makeOn } from './basis.ts'
import { breathing } from './durable.ts'
import type { FileSet, Incoming, Wanted } from './incoming.ts'
import { cutSections, SourceLost, wantedOf } from './incoming.ts'
import type { Conflict, Places } from './judge.ts'
import { conflictAt, judgeFile, judgeRemoval, openPlaces } from './judge.ts'
import type { Found, Manifest, SectionIndex, Version } from './manifest.ts'
import type { Told, Wait } from './open.ts'
import { lookAtDisk } from './open.ts'
import type { DiskTarget } from './swap.ts'

export type Step =
  | Readonly<{ kind: 'same'; known: Version | null; wanted: Incoming; identity: string }>
  | Readonly<{ kind: 'write'; known: Version | null; wanted: Incoming; bytes: Buffer; found: Found | null }>
  | Readonly<{ kind: 'remove'; known: Version; found: Found | null }>
  | Readonly<{ kind: 'conflict'; conflict: Conflict }>

/** Look-ups go to the manifest so many at a time: one statement costs as much as ten rows. */
const filesPerLookUp = 200

export async function* stepsOf(
  manifest: Manifest,
  places: Places,
  { files, removed }: Wanted,
  adopt: ReadonlySet<string>,
): AsyncGenerator<Step> {
  const breathe = breathing()
  const firstNewId = manifest.nextId() // from here on are those that are added meanwhile
  const seen = new Set<number>()
  for await (const batch of batchesOf(files)) {
    const published = manifest.publishedAt(batch.map(({ path }) => path))
    const paths = new Set<string>()
    for (const wanted of batch) {
      await breathe()
      const known = published.get(wanted.path) ?? null
      const isTwice = paths.has(wanted.path) || (known !== null && (seen.has(known.id) || known.id >= firstNewId))
      if (isTwice) throw new Error(`${wanted.path} is twice among what is to be published`)
      paths.add(wanted.path)
      if (known !== null) seen.add(known.id)
      const verdict = judgeFile(places, known, wanted, adopt.has(wanted.path))
      if (verdict.kind === 'write') yield writeStep(known, wanted, verdict.found)
      else yield verdict.kind === 'conflict' ? verdict : { ...verdict, known, wanted }
    }
  }
  for (const path of removed === 'all others' ? await othersOf(manifest, seen, firstNewId) : removed) {
    await breathe()
    const known = manifest.publishedAt([path]).get(path)
    if (known === undefined) continue
    const removal = judgeRemoval(places, known, adopt.has(path))
    yield removal.kind === 'conflict' ? removal : { ...removal, known }
  }
}

function writeStep(known: Version | null, wanted: Incoming, found: Found | null): Step {
  try {
    return { kind: 'write', known, wanted, bytes: wanted.bytes(), found }
  } catch (error) {
    if (!(error instanceof SourceLost)) throw error
    return { kind: 'conflict', conflict: conflictAt(wanted.path, 'lost', error.message) }
  }
}

async function* batchesOf(files: Wanted['files']): AsyncGenerator<readonly Incoming[]> {
  let batch: Incoming[] = []
  for await (const file of files) {
    batch.push(file)
    if (batch.length < filesPerLookUp) continue
    yield batch
    batch = []
  }
  yield batch
}

async function othersOf(manifest: Manifest, seen: ReadonlySet<number>, firstNewId: number): Promise<readonly string[]> {
  const breathe = breathing()
  const others: string[] = []
  for (const page of manifest.publishedPages(firstNewId)) {
    await breathe()
    for (const [id, path] of page) if (!seen.has(id)) others.push(path)
  }
  return others
}

export type Comparison = Told & Readonly<{ written: number; removed: number }>

type CompareOptions = Wait &
  Readonly<{
    adopt?: ReadonlySet<string>
    /** Called for each file that would change; `groupChanges()` takes them. */
    onChange?: (change: FileChange) => void
  }>

/** What publish() would do. Writes nothing, but finishes a publication that was interrupted. */
export function compare(target: DiskTarget, set: FileSet | Maker, options: CompareOptions): Promise<Comparison> {
  return lookAtDisk(target, options, async (disk) => {
    const { manifest, swap, resumed } = disk
    const { adopt = new Set<string>(), onChange } = options
    const { set: wanted } = await makeOn(disk, set)
    const conflicts = new Map(resumed?.map((conflict) => [conflict.path, conflict]))
    let [files, written, removed] = [manifest.files(), 0, 0]
    for await (const step of stepsOf(manifest, openPlaces(swap.base()), wantedOf(wanted), adopt)) {
      if (step.kind === 'conflict') conflicts.set(step.conflict.path, step.conflict)
      else if (step.kind === 'write') {
        written++
        const { known, wanted, bytes, found } = step
        if (known === null) files++
        onChange?.({
          path: wanted.path,
          before: found === null ? 'absent' : sideOf(found.bytes, known === null ? wanted.sections : known.sections),
          after: sideOf(bytes, wanted.sections),
        })
      } else if (step.kind === 'remove') {
        removed++
        files--
        const { known, found } = step
        onChange?.({
          path: known.path,
          before: found === null ? 'absent' : sideOf(found.bytes, known.sections),
          after: 'absent',
        })
      }
    }
    return { files, conflicts: [...conflicts.values()], resumed: resumed !== null, written, removed }
  })
}

const sideOf = (bytes: Buffer, sections: SectionIndex): Side =>
  sections === null ? 'bytes' : cutSections(bytes, sections)

// Which files of a target a publication renders: those that may differ from what the one before was made from.
import type { Basis, Past } from '../inventory/store/history.ts'
import { inSlices } from '../inventory/slices.ts'
import { touchedMachines } from '../inventory/touched.ts'
import type { TouchedRow } from '../inventory/touched.ts'
import { hasExpired } from '../plan/boot.ts'
import type { DiskFile, LeftOut } from '../render/files.ts'
import type { TargetFiles, TargetName } from '../render/targets.ts'
import { openTarget, prepareTarget, touchedPaths } from '../render/targets.ts'
import { basisOf, digestOf, readBasis, writeBasis } from './basis.ts'
import type { Maker } from './disk/basis.ts'
import { breathing } from './disk/durable.ts'
import type { FileSet } from './disk/incoming.ts'
import type { GenerateOptions, Picture, Place } from './generate.ts'
import { publishedFolder } from './generate.ts'

/** What was rendered, and what that was made from; to be read when the set has been. */
export type Rendered = { files: number; readonly leftOut: LeftOut[]; basis: Basis }

export function targetMaker(
  target: TargetName,
  place: Place,
  picture: Picture,
  { past: pastOf, verify, adopt = new Set() }: GenerateOptions,
): Readonly<{ make: Maker; rendered: Rendered }> {
  const rendered: Rendered = { files: 0, leftOut: [], basis: basisOf(picture) }
  const open = openerOf(target, place)
  const make: Maker = async (published) => {
    const digest = digestOf(target, place, picture)
    const basis = writeBasis(rendered.basis, digest)
    const before = readBasis(published.basis, digest)
    const past = before === null ? null : await pastOf(before)
    if (before === null || past === null) {
      const files = filesOfAll(await open(picture), picture, rendered)
      return { set: { kind: 'whole', files }, basis }
    }
    const rows = [...past.rows, ...(await expiredSince(picture, before.at))]
    const altered = verify ? await published.altered() : []
    const others = [...published.unsettled, ...adopt, ...altered]
    if (rows.length + others.length === 0 && before.revision === rendered.basis.revision) {
      rendered.basis = before // or each look would write the manifest anew
      return { set: { kind: 'partial', changed: [], removed: [] }, basis: published.basis }
    }
    return { set: await partialSet(open, picture, { ...past, rows }, others, rendered), basis }
  }
  return { make, rendered }
}

type Opener = (picture: Picture, since?: Parameters<typeof openTarget>[2]) => Promise<TargetFiles>

const openerOf =
  (target: TargetName, place: Place): Opener =>
  async (picture, since) => {
    if (since === undefined) await inSlices(prepareTarget(picture.snapshot, target))
    return openTarget({ ...picture, folder: publishedFolder(target, place) }, target, since)
  }

/** Machines that are answered otherwise only because time went by: a token of theirs was live then and is not now. */
async function expiredSince({ snapshot, now }: Picture, before: number): Promise<readonly TouchedRow[]> {
  const breathe = breathing()
  const rows: TouchedRow[] = []
  for (const [key, tokens] of snapshot.tokens) {
    await breathe()
    if (tokens.some((token) => token.used_at === null && hasExpired(token, before) !== hasExpired(token, now)))
      rows.push({ table: 'tokens', key })
  }
  return rows
}

async function* filesOfAll(
  files: TargetFiles,
  { snapshot }: Picture,
  rendered: Rendered,
): AsyncGenerator<DiskFile, void> {
  for (const path of files.paths()) yield* filesOf(files.render(path), rendered)
  await noteLeftOut(files, snapshot.machines.keys(), rendered)
}

async function partialSet(
  open: Opener,
  picture: Picture,
  past: Past,
  others: readonly string[],
  rendered: Rendered,
): Promise<FileSet> {
  const hostnames = await inSlices(touchedMachines(past.snapshot, picture.snapshot, past.rows))
  const before = await open({ ...picture, snapshot: past.snapshot })
  const after = await open(picture, { snapshot: past.snapshot, hostnames })
  const paths = await gather(touchedPaths(before, after, past.rows, hostnames))
  for (const path of others) paths.add(path)
  const removed: string[] = []
  const each = async function* (): AsyncGenerator<DiskFile, void> {
    const breathe = breathing()
    for (const path of paths) {
      await breathe()
      const made = after.render(path)
      if (!made.some((file) => file.kind !== 'left-out')) removed.push(path)
      yield* filesOf(made, rendered)
    }
    await noteLeftOut(after, hostnames, rendered)
  }
  return { kind: 'partial', changed: each(), removed }
}

async function noteLeftOut(files: TargetFiles, hostnames: Iterable<string>, rendered: Rendered): Promise<void> {
  const breathe = breathing()
  for (const hostname of hostnames) {
    await breathe()
    rendered.leftOut.push(...files.leftOut([hostname]))
  }
}

function* filesOf(made: Iterable<DiskFile | LeftOut>, rendered: Rendered): Iterable<DiskFile> {
  for (const one of made)
    if (one.kind === 'left-out') rendered.leftOut.push(one)
    else {
      rendered.files++
      yield one
    }
}

async function gather(each: Iterable<string>): Promise<Set<string>> {
  const breathe = breathing()
  const all = new Set<string>()
  for (const one of each) {
    await breathe()
    all.add(one)
  }
  return all
}

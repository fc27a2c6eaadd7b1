// Targets of the disk door: rendered, compared with what is published, published, and the daemon told.
import { join } from 'node:path'
import type { Basis, Past } from '../inventory/store/history.ts'
import type { FileChange } from '../render/diff.ts'
import type { LeftOut } from '../render/files.ts'
import { machinesNamed } from '../render/daemons/check.ts'
import type { TargetContext, TargetName } from '../render/targets.ts'
import { daemonCheck } from './daemon-check.ts'
import { reloadWay } from './daemon-reload.ts'
import type { Comparison } from './disk/compare.ts'
import { compare } from './disk/compare.ts'
import type { Publication } from './disk/publish.ts'
import { publish } from './disk/publish.ts'
import type { Reload } from './disk/reload.ts'
import { reload } from './disk/reload.ts'
import type { DiskTarget } from './disk/swap.ts'
import { grubCheck } from './grub-check.ts'
import { targetMaker } from './target-set.ts'

/** Where a target is published, and what its daemon needs: `targets` of bootstead.yaml. */
export type Place = Readonly<{
  /** Absolute. */
  folder: string
  /** The daemon's own main file, which includes ours; null when the site named none: a stand-in is checked. */
  main: string | null
  /** Whether the daemon's own checker decides before anything is published. */
  check: boolean
  /** What makes the daemon read its files again, as a program and its arguments; null when nobody is to be told. */
  reload: readonly string[] | null
  /** The same for changes that need a restart; null: `reload` does for these too. */
  restart: readonly string[] | null
  /** Kea's control socket: config-test before, config-reload after. */
  controlSocket: string | null
}>

/** The inventory, and all else that what is rendered depends on. */
export type Picture = Omit<TargetContext, 'folder'> &
  Readonly<{
    /** Which inventory its revisions are numbers of: the store's label. */
    inventory: string
  }>

export type GenerateOptions = Readonly<{
  /** What has changed since a publication was made; null when it can't be told: then everything is rendered. */
  past: (basis: Basis) => Promise<Past | null>
  /** Paths of files that may be replaced whoever wrote them. */
  adopt?: ReadonlySet<string>
  /** Also looks at files whose machines did not change: somebody may have edited or removed them. */
  verify: boolean
  /** Whether the daemon is told. */
  isTold: boolean
  waitMs?: number
}>

type Told = Readonly<{
  target: TargetName
  place: Place
  /** Files rendered, of how many that are published. */
  rendered: number
  files: number
  /** Of what was rendered this time. */
  leftOut: readonly LeftOut[]
}>

export type Generated = Told &
  Readonly<{
    /** What it was made from: the next run's `past` is asked about it, unless somebody else publishes before. */
    basis: Basis
    publication: Publication
    reload: Reload
  }>

export type Compared = Told & Comparison

/** @throws DiskBusy; Error when the folder can't be written, and when a checker can't run */
export async function generate(
  target: TargetName,
  place: Place,
  picture: Picture,
  options: GenerateOptions,
): Promise<Generated> {
  const disk = diskTarget(target, place)
  const { make, rendered } = targetMaker(target, place, picture, options)
  const timed = { ...options, now: new Date(picture.now) }
  const publication = withNamed(await publish(disk, make, timed), picture)
  const isSound = publication.kind !== 'refused' // a daemon that starts again on what its checker refuses is down
  const way = options.isTold && isSound ? reloadWay(target, place) : null
  return {
    target,
    place,
    rendered: rendered.files,
    files: publication.files,
    leftOut: rendered.leftOut,
    basis: rendered.basis,
    publication,
    reload: way === null ? { kind: 'not owed' } : await reload(disk, way, timed),
  }
}

/** Some complaints have no place in a file, but name a machine by its MAC or address. */
function withNamed(publication: Publication, { snapshot }: Picture): Publication {
  if (publication.kind !== 'refused') return publication
  const blamed = new Map(publication.blamed.map((one) => [one.machine, one]))
  for (const line of publication.output.split('\n'))
    for (const machine of machinesNamed(snapshot, line))
      if (!blamed.has(machine)) blamed.set(machine, { path: null, line: null, machine, complaint: line.trim() })
  const named = [...blamed.values()].filter(({ path }) => path === null)
  return { ...publication, blamed: [...publication.blamed, ...named] }
}

/** What generate() would do. Writes nothing, but finishes a publication that was interrupted. */
export async function compareTarget(
  target: TargetName,
  place: Place,
  picture: Picture,
  options: GenerateOptions & Readonly<{ onChange?: (change: FileChange) => void }>,
): Promise<Compared> {
  const { make, rendered } = targetMaker(target, place, picture, options)
  const comparison = await compare(diskTarget(target, place), make, options)
  return { target, place, rendered: rendered.files, leftOut: rendered.leftOut, ...comparison }
}

/** Where the target's files are read from. */
export const publishedFolder = (target: TargetName, { folder }: Place): string =>
  target === 'tftpboot' ? folder : join(folder, 'current')

export function diskTarget(target: TargetName, place: Place): DiskTarget {
  const { folder, check } = place
  return target === 'tftpboot'
    ? { folder, swap: 'files', check: check ? grubCheck : null }
    : { folder, swap: 'folder', check: check ? daemonCheck(target, place) : null }
}

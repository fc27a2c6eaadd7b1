// The disk door's targets: which files each has, what is in them, and which of them are to be made again.
import type { RenderContext } from './catalogue.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { TouchedRow } from '../inventory/touched.ts'
import { openDaemon } from './daemons/daemon.ts'
import { dnsmasq } from './daemons/dnsmasq.ts'
import { isc } from './daemons/isc.ts'
import { kea } from './daemons/kea.ts'
import type { Since } from './daemons/shares.ts'
import { prepareShares } from './daemons/shares.ts'
import type { DiskFile, LeftOut } from './files.ts'
import type { StoredLoader } from './tftpboot.ts'
import { openTftpboot } from './tftpboot.ts'

export const daemonNames = ['isc', 'kea', 'dnsmasq'] as const
export type DaemonName = (typeof daemonNames)[number]
export const targetNames = [...daemonNames, 'tftpboot'] as const
export type TargetName = (typeof targetNames)[number]

export type TargetContext = RenderContext &
  Readonly<{
    /** Where the target's files are read from: absolute, for daemons' includes. */
    folder: string
    /** What `bootstead loaders collect` collected, and where the images' folders are. */
    loaders: readonly StoredLoader[]
    imagesFolder: string
  }>

/** A target of one picture of the inventory. Files are made when they are asked for, each by itself. */
export type TargetFiles = Readonly<{
  /** Paths among which machines are spread, by network: when there are others, machines change places. */
  groups: ReadonlyMap<string, readonly string[]>
  /** Every path, in an order that keeps what belongs together together. */
  paths: () => Iterable<string>
  /** Those of them whose bytes depend on rows of no machine: of networks, images, the site. */
  common: () => Iterable<string>
  /** The paths whose bytes depend on that machine's rows. */
  pathsOf: (hostname: string) => readonly string[]
  /** Machines that belong into no file, be it one that leaves them out: of these, else of all. */
  leftOut: (hostnames?: Iterable<string>) => Iterable<LeftOut>
  /** The file, and what had to be left out of it. No file when the target has none at that path, or not any more. */
  render: (path: string) => readonly (DiskFile | LeftOut)[]
}>

/**
 * @param since makes it cheap to open a picture that differs from one opened before in a few machines
 * @throws Error when the folder's name can't stand in the daemon's include lines
 */
export function openTarget(context: TargetContext, target: TargetName, since: Since | null = null): TargetFiles {
  switch (target) {
    case 'isc':
      return openDaemon(context, context.folder, isc, since)
    case 'kea':
      return openDaemon(context, context.folder, kea, since)
    case 'dnsmasq':
      return openDaemon(context, context.folder, dnsmasq, since)
    case 'tftpboot':
      return openTftpboot(context)
    default:
      return target satisfies never
  }
}

/** What openTarget() of that picture would take long over, done in slices before. */
export function* prepareTarget(snapshot: Snapshot, target: TargetName): Generator<void, void> {
  if (target !== 'tftpboot') yield* prepareShares(snapshot)
}

export function* renderTarget(files: TargetFiles): Generator<DiskFile | LeftOut> {
  for (const path of files.paths()) yield* files.render(path)
  yield* files.leftOut()
}

/**
 * What to render again, or to remove when render() gives no file, after these rows changed and no others did.
 * @param hostnames machinesTouched() by the rows
 */
export function* touchedPaths(
  before: TargetFiles,
  after: TargetFiles,
  rows: readonly TouchedRow[],
  hostnames: ReadonlySet<string>,
): Generator<string> {
  const both = [before, after]
  const regrouped = [...new Set(both.flatMap(({ groups }) => [...groups.keys()]))].filter(
    (group) => before.groups.get(group)?.length !== after.groups.get(group)?.length,
  )
  const isCommon = rows.some(({ table }) => !['machines', 'interfaces', 'tokens'].includes(table))
  for (const files of both) {
    if (isCommon || regrouped.length > 0) yield* files.common()
    for (const group of regrouped) yield* files.groups.get(group) ?? []
    for (const hostname of hostnames) yield* files.pathsOf(hostname)
  }
}

// The disk door's targets: which files each has, what is in them, and which of them are to be made again.
import type { RenderContext } from './catalogue.ts'
import { openDaemon } from './daemons/daemon.ts'
import { dnsmasq } from './daemons/dnsmasq.ts'
import { isc } from './daemons/isc.ts'
import { kea } from './daemons/kea.ts'
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
  /** As long as it stays the same, a change of machines touches the paths of these machines only. */
  layout: string
  /** Every path, in an order that keeps what belongs together together. */
  paths: () => Iterable<string>
  /** The paths whose bytes depend on that machine's rows. */
  pathsOf: (hostname: string) => readonly string[]
  /** The file, and what had to be left out of it. No file when the target has none at that path, or not any more. */
  render: (path: string) => readonly (DiskFile | LeftOut)[]
}>

/** @throws Error when the folder's name can't stand in the daemon's include lines */
export function openTarget(context: TargetContext, target: TargetName): TargetFiles {
  switch (target) {
    case 'isc':
      return openDaemon(context, context.folder, isc)
    case 'kea':
      return openDaemon(context, context.folder, kea)
    case 'dnsmasq':
      return openDaemon(context, context.folder, dnsmasq)
    case 'tftpboot':
      return openTftpboot(context)
    default:
      return target satisfies never
  }
}

export function* renderTarget(files: TargetFiles): Generator<DiskFile | LeftOut> {
  for (const path of files.paths()) yield* files.render(path)
}

/**
 * What to render again, or to remove when render() gives no file, after rows of these machines changed and no others did.
 * @param hostnames machinesTouched() of both pictures
 */
export function touchedPaths(
  before: TargetFiles,
  after: TargetFiles,
  hostnames: Iterable<string>,
): ReadonlySet<string> {
  const both = [before, after]
  if (before.layout !== after.layout) return new Set(both.flatMap((files) => [...files.paths()]))
  return new Set([...hostnames].flatMap((hostname) => both.flatMap((files) => files.pathsOf(hostname))))
}

// What the DHCP daemons' configurations have in common: a few heads, written from networks and server facts alone, and
// one or two files for each share of the machines.
import type { PlanContext } from '../../plan/boot.ts'
import type { BootSet, Link } from '../../plan/reservation.ts'
import { bootSets, linksOf } from '../../plan/reservation.ts'
import type { DiskFile, Section } from '../files.ts'
import type { TargetFiles } from '../targets.ts'
import type { Share, Since } from './shares.ts'
import { leftOutOfAll, openShares, planShare } from './shares.ts'
import { includable } from './syntax.ts'

export type DaemonRenderer = Readonly<{
  /** Text by path. The first one is what a site includes. */
  heads: (facts: SiteFacts) => ReadonlyMap<string, string>
  shares: readonly Readonly<{ folder: string; ending: string; render: (share: Share) => readonly Section[] }>[]
}>

export type SiteFacts = Readonly<{
  /** Where the daemon finds these files: its includes are absolute. */
  folder: string
  bootSets: readonly BootSet[]
  links: readonly Link[]
  /** By network. */
  shares: ReadonlyMap<string, readonly string[]>
}>

/** Whether it is one of the files that follow from networks and server facts alone. */
export const isHead = (renderer: DaemonRenderer, path: string): boolean =>
  !renderer.shares.some(({ folder }) => path.startsWith(`${folder}/`))

/** @throws Error when the folder's name can't stand in an include line */
export function openDaemon(
  context: PlanContext,
  folder: string,
  renderer: DaemonRenderer,
  since: Since | null,
): TargetFiles {
  const shares = openShares(context.snapshot, since)
  const heads = renderer.heads({
    folder: includable(folder),
    bootSets: bootSets(context),
    links: linksOf(context.snapshot),
    shares: shares.names,
  })
  const pathsOf = (share: string): readonly string[] =>
    renderer.shares.map((one) => `${one.folder}/${share}${one.ending}`)
  const groups = new Map([...shares.names].map(([network, names]) => [network, names.flatMap(pathsOf)]))
  const places = new Map(
    [...shares.names.values()]
      .flat()
      .flatMap((share) => pathsOf(share).map((path, index) => [path, { share, index }] as const)),
  )
  const last: { share: Share | null } = { share: null } // its files are asked for one after the other
  const plan = (name: string): Share => {
    if (last.share?.name !== name) last.share = planShare(context, shares, name)
    return last.share
  }
  return {
    groups,
    paths: () => [...heads.keys(), ...places.keys()],
    common: () => heads.keys(),
    pathsOf: (hostname) => shares.of(hostname).flatMap(pathsOf),
    leftOut: (hostnames = context.snapshot.machines.keys()) => leftOutOfAll(context, shares, hostnames),
    render: (path) => {
      const head = heads.get(path)
      if (head !== undefined) return [textFile(path, [{ machine: null, text: head }])]
      const place = places.get(path)
      if (place === undefined) return []
      const share = plan(place.share)
      const sections = renderer.shares[place.index]?.render(share) ?? []
      return [textFile(path, sections), ...(place.index === 0 ? share.leftOut : [])]
    },
  }
}

function textFile(path: string, sections: readonly Section[]): DiskFile {
  return { kind: 'text', path, sections }
}

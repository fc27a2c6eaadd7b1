// A TFTP root that serves what our own TFTP door does: menus of every machine, loaders, installer kernels.
import { join } from 'node:path'
import type { Image } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { compareNaturally } from '../inventory/natural-order.ts'
import { planBoot } from '../plan/boot.ts'
import { bootMac } from '../plan/interfaces.ts'
import { artefactAt, catalogue } from './catalogue.ts'
import { entryPaths, renderEntry } from './entries.ts'
import type { DiskFile, LeftOut } from './files.ts'
import type { TargetContext, TargetFiles } from './targets.ts'
import { TemplateError } from './templates.ts'

/** A collected loader: its path at the doors, and the file. */
export type StoredLoader = Readonly<{ name: string; sha256: string; file: string }>

export function openTftpboot(context: TargetContext): TargetFiles {
  const { snapshot, loaders, imagesFolder } = context
  const images = [...snapshot.images.values()].sort((a, b) => compareNaturally(a.name, b.name))
  const copies = new Map<string, DiskFile | LeftOut>([
    ...loaders.map(({ name, sha256, file }) => [name, { kind: 'copy', path: name, source: file, sha256 }] as const),
    ...images.flatMap((image) => bootFilesOf(image).map((file) => copyOf(imagesFolder, image, file))),
  ])
  return {
    groups: new Map(),
    paths: function* () {
      yield* entryPaths
      yield* copies.keys()
      // Not naturally: of 100,000 that takes a second, in which nobody is answered.
      for (const hostname of [...snapshot.machines.keys()].sort())
        if (hasOwnMenus(snapshot, hostname)) yield* menuPaths(context, hostname)
    },
    common: () => copies.keys(),
    pathsOf: (hostname) => menuPaths(context, hostname),
    leftOut: (hostnames = snapshot.machines.keys()) => withoutMenus(context, hostnames),
    render: (path) => {
      const copy = copies.get(path)
      if (copy !== undefined) return [copy]
      const entry = renderEntry(context.server, context.engine, path)
      if (entry !== null) return [{ kind: 'text', path, sections: [{ machine: null, text: entry }] }]
      return renderMenu(context, path)
    },
  }
}

const onDisk = catalogue.filter(({ doors }) => doors.includes('disk'))

function menuPaths(context: TargetContext, hostname: string): readonly string[] {
  return onDisk.flatMap((artefact) => artefact.paths(context, hostname))
}

/** A MAC leads to one machine: of those that share it, to the first. */
function hasOwnMenus(snapshot: Snapshot, hostname: string): boolean {
  const machine = snapshot.machines.get(hostname)
  const mac = machine === undefined ? null : bootMac(snapshot, machine)
  return mac !== null && snapshot.byMac.get(mac)?.[0]?.machine === hostname
}

function* withoutMenus(context: TargetContext, hostnames: Iterable<string>): Generator<LeftOut> {
  for (const machine of hostnames) {
    if (!context.snapshot.machines.has(machine) || hasOwnMenus(context.snapshot, machine)) continue
    const plan = planBoot(context, machine)
    const why = plan.kind === 'ignore' ? plan.why : 'no interface of its own has the MAC that it would boot by'
    yield { kind: 'left-out', machine, why }
  }
}

function renderMenu(context: TargetContext, path: string): readonly (DiskFile | LeftOut)[] {
  const ref = artefactAt(context.snapshot, path)
  if (ref === null || !ref.artefact.paths(context, ref.hostname).includes(path)) return [] // another card's, or another spelling
  const leftOut = (why: string): readonly LeftOut[] => [{ kind: 'left-out', machine: ref.hostname, why }]
  try {
    const rendered = ref.artefact.render(context, ref)
    if (rendered.kind === 'none') return ref.artefact === onDisk[0] ? leftOut(rendered.why) : [] // said once
    return [{ kind: 'text', path, sections: [{ machine: ref.hostname, text: rendered.text }] }]
  } catch (error) {
    if (error instanceof TemplateError) return leftOut(error.message) // its neighbours' go on
    throw error
  }
}

const bootFilesOf = ({ kernel, initrd, xen }: Image): readonly string[] =>
  [kernel, initrd, xen].filter((one) => one !== null)

function copyOf(folder: string, image: Image, file: string): readonly [string, DiskFile | LeftOut] {
  const path = `images/${image.name}/${file}`
  const sha256 = image.sha256[file]
  if (sha256 !== undefined) return [path, { kind: 'copy', path, source: join(folder, image.name, file), sha256 }]
  const why = `image ${image.name} has no checksum of ${file}; add it again: bootstead image add ${image.name}`
  return [path, { kind: 'left-out', machine: null, why }]
}

// A TFTP root that serves what our own TFTP door does: menus of every machine, loaders, installer kernels.
import { join } from 'node:path'
import type { Image } from '../inventory/rows.ts'
import { compareNaturally } from '../inventory/snapshot.ts'
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
    layout: '',
    paths: function* () {
      yield* entryPaths
      yield* copies.keys()
      for (const hostname of [...snapshot.machines.keys()].sort(compareNaturally)) yield* menuPaths(context, hostname)
    },
    pathsOf: (hostname) => menuPaths(context, hostname),
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

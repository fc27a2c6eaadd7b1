// `bootstead image …`: what machines boot to be installed, in the state folder and in the inventory together.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { Architecture, Image } from '../inventory/rows.ts'
import type { Edit } from '../inventory/encode.ts'
import { architectures, parseRow } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { rowsOf } from '../inventory/snapshot.ts'
import type { AddedImage, ImageSource } from '../serve/images/add.ts'
import { addImage } from '../serve/images/add.ts'
import { removeImage } from '../serve/images/remove.ts'
import { isUrl } from '../serve/images/tree.ts'
import { verifyImage } from '../serve/images/verify.ts'
import type { Platform } from '../inventory/treeinfo.ts'
import { changeRows, isWritten } from './apply.ts'
import { fail, misuse } from './failure.ts'
import { noteWithheld } from './report.ts'
import { images, registerReading, registerSet, removals } from './rows.ts'
import type { Session } from './session.ts'
import { applyEdits } from '../manage/edits.ts'

type AddOptions = Readonly<{
  tree?: string
  iso?: string
  platform?: Platform
  kernel?: string
  initrd?: string
  xen?: string
  arch?: Architecture
  treeUrl?: string
  json?: boolean
}>

export function registerImage(program: Command, session: Session): void {
  const group = program
    .command('image')
    .description('add, list, check and remove the kernels, initrds and trees that machines install from')
  registerAdd(group, session)
  registerReading(group, session, images)
  registerSet(group, session, images)
  registerCheck(group, session)
  registerRemoval(group, session)
}

function registerAdd(group: Command, session: Session): void {
  group
    .command('add')
    .description('add an image, or bring one up to date, from an installation tree, an ISO, or single files')
    .argument('<name>')
    .option('--tree <tree>', 'an installation tree: a URL, or a folder')
    .option('--iso <file>', 'an ISO; its tree is unpacked to STATE/repo/NAME')
    .addOption(
      new Option('--platform <platform>', "which of the tree's kernels: for machines, or for Xen guests").choices([
        'pxeboot',
        'xen',
      ]),
    )
    .option('--kernel <file>', 'a kernel, by path or URL')
    .option('--initrd <file>', 'its initrd')
    .option('--xen <file>', 'the hypervisor that boots it')
    .addOption(
      new Option('--arch <architecture>', 'of single files (else x86_64), or of a tree that does not say').choices(
        architectures,
      ),
    )
    .option('--tree-url <url>', 'where machines find the tree, when the source is not where they find it')
    .option('--json', 'as JSON')
    .action((name: string, options: AddOptions) => add(session, name, options))
}

async function add(session: Session, name: string, options: AddOptions): Promise<void> {
  // The name becomes a folder's, so it is parsed before anything is made.
  const probe = parseRow('images', { name, arch: 'x86_64', kernel: 'vmlinuz' })
  if (!probe.ok) misuse(...probe.errors.map(({ message }) => `image ${name}: ${message}`))
  const snapshot = await session.loadSnapshot()
  const existing = snapshot.images.get(name)
  const source = sourceOf(session, name, options, existing)
  // Single files know nothing of a tree; mending them keeps the one that the row has.
  const treeUrl = options.treeUrl ?? (source.kind === 'files' ? (existing?.tree_url ?? null) : null)
  const added = await addImage(session.config().state, name, source, { arch: options.arch ?? null, treeUrl })
  const edits: readonly Edit[] = [{ kind: 'put', table: 'images', row: added.image }]
  const { review } = await applyEdits(await session.desk(), snapshot, edits, { force: true })
  if (options.json === true) session.printJson(added)
  else session.print(describeAdded(added))
  if (added.image.tree_url === null && source.kind === 'tree')
    session.note(
      `machines see nothing of the folder ${source.tree}: move it below ${join(session.config().state, 'repo')}, or give --tree-url`,
    )
  if (added.remark !== null) session.note(added.remark)
  noteWithheld(session, review.broken, false)
}

function sourceOf(session: Session, name: string, options: AddOptions, existing: Image | undefined): ImageSource {
  const here = (location: string): string => (isUrl(location) ? location : resolve(session.io.cwd, location))
  const { tree, iso, kernel, initrd, xen, platform, arch } = options
  if ([tree, iso, kernel].filter((one) => one !== undefined).length !== 1)
    misuse(`image add ${name}: say where it comes from: --tree TREE, --iso FILE, or --kernel FILE --initrd FILE`)
  if (kernel === undefined && (initrd !== undefined || xen !== undefined))
    misuse(`image add ${name}: --initrd and --xen go with --kernel`)
  if (tree !== undefined) return { kind: 'tree', tree: here(tree), platform: platform ?? 'pxeboot' }
  if (iso !== undefined) return { kind: 'iso', path: here(iso), platform: platform ?? 'pxeboot' }
  return {
    kind: 'files',
    kernel: here(kernel ?? ''),
    initrd: initrd === undefined ? null : here(initrd),
    xen: xen === undefined ? null : here(xen),
    arch: arch ?? existing?.arch ?? 'x86_64',
  }
}

function describeAdded({ outcome, image, detected, verified }: AddedImage): string {
  const { family, version, product } = detected
  const files = [image.kernel, image.initrd, image.xen].filter((file) => file !== null).join(', ')
  const lines = [
    `${outcome}: image ${image.name} (${[product, version, image.arch].filter((word) => word !== null && word !== '').join(' ')}): ${files}`,
    image.tree_url === null ? 'machines are told of no tree' : `machines install from ${image.tree_url}`,
    ...(verified.length === 0 ? [] : [`compared with the tree's own checksums: ${verified.join(', ')}`]),
    ...(family === null || version === null
      ? []
      : [
          `a profile for it: bootstead profile add NAME family=${family} version=${version} image=${image.name} template=…`,
        ]),
  ]
  return lines.join('\n')
}

function registerCheck(group: Command, session: Session): void {
  group
    .command('check')
    .description("compare images' files with their checksums; all images when none are named")
    .argument('[name...]')
    .option('--json', 'as JSON')
    .action(async (names: readonly string[], { json }: { json?: boolean }) => {
      const snapshot = await session.loadSnapshot()
      const chosen =
        names.length === 0
          ? rowsOf(snapshot, 'images')
          : names.map(
              (name) =>
                snapshot.images.get(name) ??
                fail(`there is no image ${name}; bootstead image list shows those there are`),
            )
      const checked: { name: string; problems: Awaited<ReturnType<typeof verifyImage>> }[] = []
      for (const image of chosen)
        checked.push({ name: image.name, problems: await verifyImage(session.config().state, image) })
      if (json === true) session.printJson(checked)
      else
        for (const { name, problems } of checked)
          session.print(problems.length === 0 ? `${name}: whole` : `${name}: damaged`)
      const problems = checked.flatMap((one) => one.problems.map(({ message }) => message))
      if (problems.length > 0) fail(...problems)
    })
}

function registerRemoval(group: Command, session: Session): void {
  group
    .command('rm')
    .description('remove images and their files')
    .argument('<name...>')
    .option('--with-tree', 'and the trees unpacked from their ISOs')
    .option('--dry-run', 'show what would change and change nothing')
    .option('--force', 'also when machines would be withheld because of it')
    .option('--json', 'as JSON')
    .action(
      async (
        names: readonly string[],
        options: Readonly<{ withTree?: boolean; dryRun?: boolean; force?: boolean; json?: boolean }>,
      ) => {
        if (options.withTree === true) refuseSharedTrees(await session.loadSnapshot(), names)
        if (!isWritten(await changeRows(session, removals('images', names), options))) return
        // The rows first: nobody is sent to files that are going away.
        for (const name of new Set(names)) await removeFiles(session, name, options.withTree === true)
      },
    )
}

/** A second image may come from the tree of the first: `image add sl5-xen --tree STATE/repo/sl5 --platform xen`. */
function refuseSharedTrees(snapshot: Snapshot, names: readonly string[]): void {
  const sharing = rowsOf(snapshot, 'images').filter(
    ({ name, tree_url }) =>
      !names.includes(name) &&
      names.some((gone) => tree_url === `repo/${gone}` || tree_url?.startsWith(`repo/${gone}/`)),
  )
  if (sharing.length > 0)
    fail(
      `nothing was removed: the tree is used by image ${sharing.map(({ name }) => name).join(', ')} too; leave --with-tree out`,
    )
}

async function removeFiles(session: Session, name: string, withTree: boolean): Promise<void> {
  const { state } = session.config()
  await removeImage(state, name, { tree: withTree })
  const tree = join(state, 'repo', name)
  if (!withTree && existsSync(tree))
    session.note(`its tree ${tree} stays; --with-tree removes one that came from an ISO`)
}

// bootstead show: a machine's artefacts, or one of them as it is served.
import type { Command } from 'commander'
import type { Snapshot } from '../inventory/snapshot.ts'
import { selectMachines } from '../inventory/select.ts'
import { planBoot } from '../plan/boot.ts'
import { previewArmed } from '../plan/preview.ts'
import type { Artefact, RenderContext } from '../render/catalogue.ts'
import { artefactAt, artefactsOf } from '../render/catalogue.ts'
import { templateEngine } from '../render/templates.ts'
import { fail } from './failure.ts'
import type { Session } from './session.ts'
import { alignColumns } from './table.ts'

type Listed = Readonly<{ name: string; path: string; doors: readonly string[]; access: string; served: boolean }>

export function registerShow(program: Command, session: Session): void {
  program
    .command('show')
    .description('list a machine’s artefacts, or print one as it is served (a preview when the machine is not armed)')
    .argument('<name>', 'host name')
    .argument(
      '[artefact]',
      'pxelinux, grub, ipxe, kickstart, manifest, xen/GUEST, xen/GUEST_install, libvirt/GUEST.xml, or a path',
    )
    .option('--json', 'print JSON')
    .action(async (name: string, artefact: string | undefined, options: Readonly<{ json?: boolean }>) => {
      const snapshot = await session.loadSnapshot()
      const [machine] = selectMachines(snapshot, [name])
      if (machine === undefined) fail(`there is no machine ${name}`)
      if (artefact === undefined) list(session, snapshot, machine.hostname, options.json === true)
      else print(session, snapshot, machine.hostname, artefact, options.json === true)
    })
}

function contextOf(session: Session, snapshot: Snapshot): RenderContext {
  return {
    snapshot,
    server: session.server(),
    known: session.known(),
    now: session.io.now(),
    engine: templateEngine(session.templates()),
  }
}

/** Everything that would be there if the machine and its guests were armed, and whether it is there now. */
function listed(session: Session, snapshot: Snapshot, hostname: string): readonly Listed[] {
  const now = new Set(artefactsOf(contextOf(session, snapshot), hostname).map(({ path }) => path))
  const armed = contextOf(session, previewOf(snapshot, hostname))
  return artefactsOf(armed, hostname).map(({ artefact, path }) => ({
    name: nameOf(artefact, path),
    path,
    doors: artefact.doors,
    access: artefact.access,
    served: now.has(path),
  }))
}

/** A guest's configuration is named by its last two segments: `xen/acas0013`, `libvirt/acas0013.xml`. */
const nameOf = (artefact: Artefact, path: string): string =>
  artefact.path.includes('GUEST') ? path.split('/').slice(-2).join('/') : artefact.name

/** Rows already armed stay as they are: what is printed is what is served, token and all. */
function previewOf(snapshot: Snapshot, hostname: string): Snapshot {
  const all = [hostname, ...(snapshot.guests.get(hostname) ?? [])]
  return previewArmed(
    snapshot,
    all.filter((name) => snapshot.machines.get(name)?.boot !== 'install'),
  )
}

function list(session: Session, snapshot: Snapshot, hostname: string, json: boolean): void {
  const artefacts = listed(session, snapshot, hostname)
  if (json) return session.printJson(artefacts)
  const plan = planBoot(contextOf(session, snapshot), hostname)
  if (plan.kind === 'ignore') fail(`${hostname} is served nothing: ${plan.why}`)
  const rows = artefacts.map(({ name, path, doors, access, served }) => [
    name,
    path,
    doors.join(' '),
    access,
    served ? 'yes' : 'when armed',
  ])
  session.print(alignColumns(['artefact', 'path', 'doors', 'for', 'served'], rows))
}

function print(session: Session, snapshot: Snapshot, hostname: string, wanted: string, json: boolean): void {
  const artefacts = listed(session, snapshot, hostname)
  const found = artefacts.find((one) => one.name === wanted || one.path === wanted.replace(/^\/+/, ''))
  if (found === undefined) fail(whyNot(session, snapshot, hostname, wanted, artefacts))
  const context = contextOf(session, found.served ? snapshot : previewOf(snapshot, hostname))
  const ref = artefactAt(context.snapshot, found.path)
  const rendered = ref === null ? null : ref.artefact.render(context, ref)
  if (rendered?.kind !== 'text') fail(`${found.path}: ${rendered?.why ?? 'no such artefact'}`)
  if (!found.served) session.note(`${hostname} is not armed: a preview, with a token that opens nothing`)
  if (json) session.printJson({ ...found, text: rendered.text })
  else session.io.out(rendered.text)
}

function whyNot(
  session: Session,
  snapshot: Snapshot,
  hostname: string,
  wanted: string,
  artefacts: readonly Listed[],
): string {
  const plan = planBoot(contextOf(session, snapshot), hostname)
  if (plan.kind === 'ignore') return `${hostname} is served nothing: ${plan.why}`
  const names = artefacts.map((one) => one.name).join(', ')
  return `${hostname} has no artefact ${wanted}${wanted === 'kickstart' ? `: ${planBoot(contextOf(session, previewOf(snapshot, hostname)), hostname).why}` : ''}; those it has: ${names}`
}

// bootstead show: a machine's artefacts, or one of them as it is served.
import type { Command } from 'commander'
import type { Snapshot } from '../inventory/snapshot.ts'
import { listArtefacts, showArtefact, whyServedNothing } from '../manage/artefacts.ts'
import type { Desk } from '../manage/desk.ts'
import { chosenName } from '../manage/selection.ts'
import { fail } from './failure.ts'
import type { Session } from './session.ts'
import { alignColumns } from './table.ts'

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
      const desk = await session.desk()
      const hostname = chosenName(snapshot, name)
      if (artefact === undefined) list(session, desk, snapshot, hostname, options.json === true)
      else print(session, desk, snapshot, hostname, artefact, options.json === true)
    })
}

function list(session: Session, desk: Desk, snapshot: Snapshot, hostname: string, json: boolean): void {
  const artefacts = listArtefacts(desk, snapshot, hostname)
  if (json) return session.printJson(artefacts)
  const nothing = whyServedNothing(desk, snapshot, hostname)
  if (nothing !== null) fail(`${hostname} is served nothing: ${nothing}`)
  const rows = artefacts.map(({ name, path, doors, access, served }) => [
    name,
    path,
    doors.join(' '),
    access,
    served ? 'yes' : 'when armed',
  ])
  session.print(alignColumns(['artefact', 'path', 'doors', 'for', 'served'], rows))
}

function print(
  session: Session,
  desk: Desk,
  snapshot: Snapshot,
  hostname: string,
  wanted: string,
  json: boolean,
): void {
  const shown = showArtefact(desk, snapshot, hostname, wanted)
  if (!shown.served) session.note(`${hostname} is not armed: a preview, with a token that opens nothing`)
  if (json) session.printJson(shown)
  else session.io.out(shown.text)
}

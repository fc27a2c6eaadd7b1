// bootstead show: a machine's artefacts, or one of them as it is served.
import type { Command } from 'commander'
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
    .action(async (name: string, artefact: string | undefined, { json = false }: Readonly<{ json?: boolean }>) => {
      if (artefact === undefined) await list(session, name, json)
      else await print(session, name, artefact, json)
    })
}

async function list(session: Session, name: string, json: boolean): Promise<void> {
  const { items, hostname, nothing } = await session.site().artefacts(name)
  if (json) return session.printJson(items)
  if (nothing !== null) fail(`${hostname} is served nothing: ${nothing}`)
  const rows = items.map(({ name: artefact, path, doors, access, served }) => [
    artefact,
    path,
    doors.join(' '),
    access,
    served ? 'yes' : 'when armed',
  ])
  session.print(alignColumns(['artefact', 'path', 'doors', 'for', 'served'], rows))
}

async function print(session: Session, name: string, wanted: string, json: boolean): Promise<void> {
  const { hostname, ...shown } = await session.site().artefact(name, wanted)
  if (!shown.served) session.note(`${hostname} is not armed: a preview, with a token that opens nothing`)
  if (json) session.printJson(shown)
  else session.io.out(shown.text)
}

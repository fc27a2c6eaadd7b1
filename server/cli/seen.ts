// `bootstead seen`: who asked the running server for an address in vain, and why.
import type { Command } from 'commander'
import type { SeenClient } from '../serve/dhcp/seen-file.ts'
import type { Session } from './session.ts'
import { alignColumns } from './table.ts'

export function registerSeen(program: Command, session: Session): void {
  program
    .command('seen')
    .description('list the machines and strangers that asked for an address and got none, with the reason')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const clients = await session.site().seen()
      if (json === true) return session.printJson(clients ?? [])
      if (clients === null) return session.note('no server with this state folder has listed anybody yet')
      if (clients.length === 0) return session.note('whoever asked for an address has got one by now')
      session.print(alignColumns(['mac', 'last', 'times', 'via', 'machine', 'client', 'why'], clients.map(cells)))
    })
}

const cells = ({ mac, lastAt, count, via, machine, vendorClass, why }: SeenClient): readonly string[] => [
  mac,
  lastAt.replace(/\.\d+Z$/, 'Z'),
  String(count),
  via,
  machine ?? '',
  vendorClass ?? '',
  why,
]

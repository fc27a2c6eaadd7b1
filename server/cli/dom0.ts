// `bootstead dom0 …`: what is done on Dom0s themselves.
import type { Command } from 'commander'
import { registerDom0Run } from './dom0-run.ts'
import type { Session } from './session.ts'

export function registerDom0(program: Command, session: Session): void {
  const group = program.command('dom0').description('work on the Dom0s themselves')
  registerDom0Run(group, session)
}

// `bootstead machine …`: the group; each of its commands has a file of its own.
import type { Command } from 'commander'
import { registerInstall } from './install.ts'
import { registerMachineBoot } from './machine-boot.ts'
import { registerMachineChanges } from './machine-change.ts'
import { registerMachineList } from './machine-list.ts'
import { registerMachineRemoval } from './machine-rm.ts'
import { registerMachineShow } from './machine-show.ts'
import type { Session } from './session.ts'

export function registerMachine(program: Command, session: Session): void {
  const machine = program.command('machine').description('list, show, change, arm and remove machines')
  registerMachineList(machine, session)
  registerMachineShow(machine, session)
  registerMachineChanges(machine, session)
  registerMachineRemoval(machine, session)
  registerInstall(machine, session)
  registerMachineBoot(machine, session)
}

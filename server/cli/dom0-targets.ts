// The Dom0s that a command is for, and how ssh finds them.
import { findings, isWithheld } from '../inventory/findings.ts'
import type { Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { settingsOf } from '../plan/settings.ts'
import { fail } from './failure.ts'
import { storiesOf } from '../manage/groups.ts'
import { foldNames } from '../manage/names.ts'
import type { Session } from './session.ts'
import type { SshTarget } from './ssh.ts'

/** @throws Refused naming those that are no Dom0; one that is withheld is there all the same, and is noted */
export function refuseOthers(session: Session, snapshot: Snapshot, machines: readonly Machine[]): void {
  const server = session.server()
  const others = machines.filter((machine) => settingsOf(snapshot, machine, server).hypervisor.value === 'none')
  if (others.length > 0)
    fail(
      'nothing was run: not all of these are Dom0s (hypervisor=xen,kvm leaves the others out)',
      ...storiesOf(others.map(({ hostname, profile }) => [hostname, `profile ${profile} has no hypervisor`])).map(
        ({ folded, text }) => `  ${folded}: ${text}`,
      ),
    )
  const withheld = machines.filter(({ hostname }) => isWithheld(findings(snapshot, hostname, session.known())))
  if (withheld.length > 0)
    session.note(
      `withheld, and run on all the same: ${foldNames(withheld.map(({ hostname }) => hostname))}; bootstead check says why`,
    )
}

/** @throws Refused naming those whose address isn't known, when it is asked for */
export function targetsOf(
  session: Session,
  snapshot: Snapshot,
  machines: readonly Machine[],
  byAddress: boolean,
): readonly SshTarget[] {
  if (!byAddress) return machines.map(({ hostname }) => ({ hostname, address: null }))
  const server = session.server()
  const targets = machines.map((machine) => ({
    hostname: machine.hostname,
    address: settingsOf(snapshot, machine, server).ip.value,
  }))
  const without = targets.filter(({ address }) => address === null)
  if (without.length > 0)
    fail(`nothing was run: no address in the inventory: ${foldNames(without.map(({ hostname }) => hostname))}`)
  return targets
}

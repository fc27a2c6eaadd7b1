// What stands above each page of one machine: its name, how far it is, what can be done with it, and its other pages.
import { findings, isWithheld } from '../../inventory/findings.ts'
import { inherited, profileChain } from '../../inventory/profiles.ts'
import { SelectorError } from '../../inventory/select.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import type { Desk } from '../../manage/desk.ts'
import { readStates } from '../../manage/machine.ts'
import { chosenName } from '../../manage/selection.ts'
import { HttpRefusal } from '../refusal.ts'
import { mayAs } from '../roles.ts'
import type { Visit } from '../route.ts'
import { queryOf } from '../route.ts'
import type { Mark } from './machine-columns.ts'
import { markOf } from './machine-columns.ts'

const tabs = [
  { part: '', label: 'Machine' },
  { part: 'explain', label: 'Next boot' },
  { part: 'artefacts', label: 'Artefacts' },
  { part: 'timeline', label: 'Timeline' },
  { part: 'history', label: 'History' },
  { part: 'guests', label: 'Guests' },
] as const
type MachinePart = (typeof tabs)[number]['part']

type MachineHead = Readonly<{
  name: string
  /** `/machines/NAME`. */
  href: string
  mark: Mark
  tabs: readonly Readonly<{ href: string; label: string; isHere: boolean }>[]
  mayChange: boolean
  isArmed: boolean
  done: string
}>

/** @throws HttpRefusal 404 when there is no such machine */
export function machineAsked(snapshot: Snapshot, { request }: Visit): string {
  try {
    return chosenName(snapshot, String(request.params['name']))
  } catch (error) {
    if (error instanceof SelectorError) throw new HttpRefusal(404, error.message)
    throw error
  }
}

export const hrefOfMachine = (name: string): string => `/machines/${encodeURIComponent(name)}`

export async function machineHead(
  desk: Desk,
  snapshot: Snapshot,
  visit: Visit,
  name: string,
  part: MachinePart | null,
): Promise<MachineHead> {
  const href = hrefOfMachine(name)
  const state = (await readStates(desk, snapshot, [name])).get(name)
  return {
    name,
    href,
    mark: markOf(state, isWithheld(findings(snapshot, name, desk.known))),
    tabs: tabs
      .filter((tab) => tab.part !== 'guests' || isDom0(snapshot, name))
      .map((tab) => ({
        href: tab.part === '' ? href : `${href}/${tab.part}`,
        label: tab.label,
        isHere: tab.part === part,
      })),
    mayChange: mayAs(visit.actor.role, 'operator'),
    isArmed: snapshot.machines.get(name)?.boot === 'install',
    done: done[queryOf(visit.request, 'done')] ?? '',
  }
}

/** It has guests, or a hypervisor for some. */
function isDom0(snapshot: Snapshot, name: string): boolean {
  const machine = snapshot.machines.get(name)
  const hypervisor = machine === undefined ? null : inherited(profileChain(snapshot, machine.profile), 'hypervisor')
  return snapshot.guests.has(name) || (machine?.dom0 === null && (hypervisor?.value ?? 'none') !== 'none')
}

/** What a redirect may say was done: words of ours only. */
const done: Readonly<Record<string, string>> = {
  changed: 'The machine is changed. What it is served follows within two seconds.',
  armed: 'The install is armed: it begins at the next network boot.',
  boot: 'The next boot is set.',
  added: 'The guest is added. It installs itself once it is armed.',
  moved: 'The guest has its new place.',
  reverted: 'The change is taken back, as a new change.',
}

// One line for each machine, those that get no answer marked: what `machine list` shows.
import { findings, isWithheld } from '../inventory/findings.ts'
import type { Machine } from '../inventory/rows.ts'
import { compareNaturally } from '../inventory/natural-order.ts'
import { selectingMachines } from '../inventory/select.ts'
import { inSlices, mapped, merged } from '../inventory/slices.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { bootInterface } from '../inventory/snapshot.ts'
import { effectiveMac } from '../plan/interfaces.ts'
import type { BootState } from '../plan/states.ts'
import type { Desk } from './desk.ts'
import { readStates } from './machine.ts'

export type MachineLine = Readonly<{
  hostname: string
  profile: string | null
  boot: string | null
  withheld: boolean
  /** How far its install is; null when it was never armed. */
  state: string | null
  ip: string | null
  ip6: string | null
  mac: string | null
  dom0: string | null
}>

/**
 * In natural order. No words are all machines, and those whose rows can't be read: one that vanishes from the list would
 * be missed last.
 * @throws SelectorError naming a word that is no machine
 */
export async function machineLines(
  desk: Desk,
  snapshot: Snapshot,
  words: readonly string[],
): Promise<readonly MachineLine[]> {
  const machines = await inSlices(selectingMachines(snapshot, words.length === 0 ? ['*'] : words))
  const states = await readStates(
    desk,
    snapshot,
    machines.map(({ hostname }) => hostname),
  )
  const lines = await inSlices(mapped(machines, (machine) => lineOf(desk, snapshot, machine, states)))
  return words.length > 0 ? lines : inSlices(merged(lines, unreadable(snapshot).toSorted(byName), byName))
}

const byName = (one: MachineLine, other: MachineLine): number => compareNaturally(one.hostname, other.hostname)

function lineOf(
  { known }: Desk,
  snapshot: Snapshot,
  machine: Machine,
  states: ReadonlyMap<string, BootState>,
): MachineLine {
  const { hostname, profile, boot, dom0 } = machine
  const nic = bootInterface(snapshot, hostname)
  const state = states.get(hostname)?.state ?? 'unknown'
  return {
    hostname,
    profile,
    boot,
    withheld: isWithheld(findings(snapshot, hostname, known)),
    state: state === 'unknown' ? null : state,
    ip: nic?.ip ?? null,
    ip6: nic?.ip6 ?? null,
    mac: nic === null ? null : effectiveMac(machine, nic),
    dom0,
  }
}

function unreadable(snapshot: Snapshot): readonly MachineLine[] {
  const names = [...snapshot.unreadable.values()]
    .flat()
    .flatMap(({ table, key }) => (table === 'machines' ? [key] : []))
  return [...new Set(names)].map((hostname) => ({
    hostname,
    profile: null,
    boot: null,
    withheld: true,
    state: null,
    ip: null,
    ip6: null,
    mac: null,
    dom0: null,
  }))
}

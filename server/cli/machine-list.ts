// `bootstead machine list`: one line for each machine, those that get no answer marked.
import type { Command } from 'commander'
import { findings, isWithheld } from '../inventory/findings.ts'
import type { Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { bootInterface, compareNaturally, rowsOf } from '../inventory/snapshot.ts'
import { effectiveMac } from '../plan/interfaces.ts'
import type { BootState } from '../plan/states.ts'
import { chosenMachines, selectorHelp, whereOption } from './selection.ts'
import type { Session } from './session.ts'
import { readStates } from './states.ts'
import { alignColumns } from './table.ts'

type Listed = Readonly<{
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

export function registerMachineList(group: Command, session: Session): void {
  group
    .command('list')
    .description('list machines; all of them when none are named')
    .argument('[selector...]', selectorHelp)
    .addOption(whereOption())
    .option('--json', 'as JSON')
    .action(async (words: readonly string[], { where = [], json }: { where?: readonly string[]; json?: boolean }) => {
      const snapshot = await session.loadSnapshot()
      const isAll = words.length + where.length === 0
      const machines = isAll ? rowsOf(snapshot, 'machines') : chosenMachines(snapshot, words, where)
      const names = machines.map(({ hostname }) => hostname)
      const states = await readStates(session, snapshot, names)
      const listed = machines.map((machine) => describe(session, snapshot, machine, states))
      const all = isAll
        ? [...listed, ...unreadable(snapshot)].sort((a, b) => compareNaturally(a.hostname, b.hostname))
        : listed
      if (json === true) return session.printJson(all)
      session.print(alignColumns(['hostname', 'profile', 'boot', 'state', 'ip', 'mac', 'dom0'], all.map(cells)))
    })
}

function describe(
  session: Session,
  snapshot: Snapshot,
  machine: Machine,
  states: ReadonlyMap<string, BootState>,
): Listed {
  const { hostname, profile, boot, dom0 } = machine
  const nic = bootInterface(snapshot, hostname)
  const state = states.get(hostname)?.state ?? 'unknown'
  return {
    hostname,
    profile,
    boot,
    withheld: isWithheld(findings(snapshot, hostname, session.known())),
    state: state === 'unknown' ? null : state,
    ip: nic?.ip ?? null,
    ip6: nic?.ip6 ?? null,
    mac: nic === null ? null : effectiveMac(machine, nic),
    dom0,
  }
}

/** Rows that can't be read belong in the list too: a machine that vanishes from it would be missed last. */
function unreadable(snapshot: Snapshot): readonly Listed[] {
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

const cells = ({ hostname, profile, boot, withheld, state, ip, ip6, mac, dom0 }: Listed): readonly string[] =>
  [hostname, profile, boot, withheld ? 'withheld' : state, ip ?? ip6, mac, dom0].map((cell) => cell ?? '')

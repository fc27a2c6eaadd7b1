// A machine as a whole: its rows, what holds for it and from where, what is wrong, what it would get, how far it is.
import type { Finding } from '../inventory/findings.ts'
import { findings } from '../inventory/findings.ts'
import type { Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { ConsoleRow, EventRow } from '../inventory/store/open.ts'
import { readConsoles, readEvents } from '../inventory/store/read.ts'
import { planBoot } from '../plan/boot.ts'
import type { Origin, Settings, Traced } from '../plan/settings.ts'
import { settingsOf } from '../plan/settings.ts'
import type { BootState } from '../plan/states.ts'
import { neverHeardOf } from '../plan/states.ts'
import { readBootStates } from '../serve/states.ts'
import type { Desk } from './desk.ts'
import { withoutSecrets } from '../inventory/secrets.ts'

const shownEvents = 10

export type MachineAsAWhole = Readonly<{
  hostname: string
  machine: Machine | null
  guests: readonly string[]
  interfaces: Settings['nics']
  settings: Readonly<Record<string, Readonly<{ value: unknown; from: string }>>>
  findings: readonly Finding[]
  /** Without its token and arguments: who may see this need not be who may install. */
  plan: Readonly<{ kind: string; why: string }>
  /** Folded from its events. */
  state: BootState
  events: readonly EventRow[]
  /** While it is installing, and when that failed: the end of its newest console. */
  console: Pick<ConsoleRow, 'at' | 'tail'> | null
}>

export async function machineAsAWhole(desk: Desk, snapshot: Snapshot, hostname: string): Promise<MachineAsAWhole> {
  const machine = snapshot.machines.get(hostname) ?? null
  const { store, known, server } = desk
  const state = (await readStates(desk, snapshot, [hostname])).get(hostname) ?? neverHeardOf
  const console = tellsByConsole(state) ? (await readConsoles(store, [hostname])).get(hostname) : undefined
  const { kind, why } = planBoot({ snapshot, server, known, now: desk.now() }, hostname)
  return {
    hostname,
    machine: withoutSecrets('', machine) as Machine | null,
    guests: snapshot.guests.get(hostname) ?? [],
    interfaces: snapshot.interfaces.get(hostname) ?? [],
    settings: machine === null ? {} : tracedSettings(settingsOf(snapshot, machine, server)),
    findings: findings(snapshot, hostname, known),
    plan: { kind, why },
    state,
    events: await readEvents(store, hostname, shownEvents),
    console: console === undefined ? null : { at: console.at, tail: console.tail },
  }
}

function tracedSettings({ params, ...settings }: Settings): MachineAsAWhole['settings'] {
  const named = Object.entries(settings).flatMap(([name, value]) => (isTraced(value) ? [[name, value] as const] : []))
  const own = [...params].map(([name, traced]) => [`params.${name}`, traced] as const)
  return Object.fromEntries(
    [...named, ...own].map(([name, { value, origin }]) => [
      name,
      { value: withoutSecrets(name, shortValue(name, value)), from: describeOrigin(origin) },
    ]),
  )
}

function isTraced(value: unknown): value is Traced<unknown> {
  return typeof value === 'object' && value !== null && 'origin' in value && 'value' in value
}

/** An image is a whole row; here its name will do. */
const shortValue = (name: string, value: unknown): unknown =>
  name === 'image' && value !== null ? (value as { name: string }).name : value

/** `profile web.kernel_args`, `site timezone`, `default`. */
export function describeOrigin({ layer, row, column }: Origin): string {
  if (layer === 'default') return row === '' ? 'default' : `default: ${column}`
  if (layer === 'site') return `site ${row}`
  return layer === 'server' ? `server: ${row}, ${column}` : `${layer} ${row}.${column}`
}

export const readStates = (
  { store, stallMinutes, now }: Desk,
  snapshot: Snapshot,
  hostnames: readonly string[],
): Promise<ReadonlyMap<string, BootState>> => readBootStates(store, snapshot, hostnames, { now: now(), stallMinutes })

/** Whether there is something to be seen on its console: it is installing, or that ended badly. */
export const tellsByConsole = ({ state, phase }: BootState): boolean => state === 'installing' || phase === 'lost'

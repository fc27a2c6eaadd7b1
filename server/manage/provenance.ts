// A machine's values, and for each what every layer says: site < network < image < profile chain < interface < machine.
import type { AnyRow, Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Server } from '../plan/server.ts'
import type { Origin, Settings, Traced } from '../plan/settings.ts'
import { settingsOf } from '../plan/settings.ts'
import { describeOrigin } from './machine.ts'
import { showValue } from './row-changes.ts'
import { withoutSecrets } from '../inventory/secrets.ts'

/** What one layer says. Of the machine's rows and of the server's own facts, as of the others, only what is given. */
type LayerValue = Readonly<{ from: string; value: string; holds: boolean }>

type Fact = Readonly<{
  /** `kernel_args`, `params.rack`. */
  name: string
  value: string
  from: string
  /** Outermost first; the inner ones win. */
  layers: readonly LayerValue[]
}>

type Layer = Origin['layer']
type Sources = Readonly<Partial<Record<Layer, readonly string[]>>>

/** In the order in which they are shown. Columns that a layer has under another name stand behind its own. */
const sources: Readonly<Record<string, Sources>> = {
  mac: { interface: ['mac'] },
  ip: { interface: ['ip'] },
  ip6: { interface: ['ip6'] },
  netmask: { network: ['cidr'] },
  gateway: { network: ['gateway'] },
  dns: { site: ['dns'], network: ['dns'] },
  dns6: { site: ['dns6'], network: ['dns6'] },
  ntp: { site: ['ntp'], network: ['ntp'] },
  mtu: { network: ['mtu'] },
  vlan: { network: ['vlan'], interface: ['vlan'] },
  domain: { site: ['domain'], network: ['domain'], profile: ['params.domain'], machine: ['params.domain', 'domain'] },
  serverAddress: { network: ['next_server'] },
  family: { profile: ['family'] },
  version: { profile: ['version'] },
  arch: { image: ['arch'], profile: ['arch'], machine: ['arch'] },
  template: { profile: ['template'] },
  image: { profile: ['image'] },
  hypervisor: { profile: ['hypervisor'] },
  guestType: { profile: ['guest_type'] },
  kernelArgs: { profile: ['kernel_args'] },
  repositories: { profile: ['repositories'] },
  disk: { machine: ['vdisk', 'disk'] },
  serialConsole: { profile: ['params.serial_console'], machine: ['params.serial_console', 'serial_console'] },
}

/** Every value that holds for the machine. Secrets are named and not shown. */
export function factsOf(snapshot: Snapshot, machine: Machine, server: Server): readonly Fact[] {
  const settings = settingsOf(snapshot, machine, server)
  const named = settings as unknown as Readonly<Record<string, Traced<unknown>>>
  const own = Object.entries(sources).flatMap(([name, from]) => {
    const traced = named[name]
    return traced === undefined ? [] : factOf(snapshot, settings, name, traced, from)
  })
  const params = [...settings.params].flatMap(([name, traced]) => {
    const columns = [`params.${name}`, `params.${name}+`]
    return factOf(snapshot, settings, `params.${name}`, traced, { site: [name], profile: columns, machine: columns })
  })
  return [...own, ...params]
}

function factOf(
  snapshot: Snapshot,
  settings: Settings,
  name: string,
  { value, origin }: Traced<unknown>,
  from: Sources,
): readonly Fact[] {
  if (!isGiven(value)) return []
  const show = (one: unknown): string => shownAs(name, one)
  const held = describeOrigin(origin)
  const layers = rowsOf(snapshot, settings).flatMap(([layer, row, cells]) =>
    (from[layer] ?? []).flatMap((column): readonly LayerValue[] => {
      const given = cellOf(cells, layer === 'site' ? 'value' : column)
      if (!isGiven(given) || (layer === 'site' && row !== column)) return []
      const told = describeOrigin({ layer, row, column: layer === 'site' ? 'value' : column })
      return [{ from: told, value: show(given), holds: told === held }]
    }),
  )
  const others = layers.some(({ holds }) => holds) ? [] : [{ from: held, value: show(value), holds: true }]
  return [{ name: snake(name), value: show(value), from: held, layers: [...others, ...layers] }]
}

/** Outermost first. */
function rowsOf(snapshot: Snapshot, settings: Settings): readonly (readonly [Layer, string, AnyRow])[] {
  const { machine, chain, nic, network, image } = settings
  return [
    ...[...snapshot.site.values()].map((row) => ['site', row.name, row] as const),
    ...(network === null ? [] : [['network', network.name, network] as const]),
    ...(image.value === null ? [] : [['image', image.value.name, image.value] as const]),
    ...chain.profiles.toReversed().map((profile) => ['profile', profile.name, profile] as const),
    ...(nic === null ? [] : [['interface', `${nic.machine}/${nic.name}`, nic] as const]),
    ['machine', machine.hostname, machine] as const,
  ]
}

function cellOf(row: AnyRow, column: string): unknown {
  const cells = row as Readonly<Record<string, unknown>>
  if (!column.startsWith('params.')) return cells[column]
  const params = (cells['params'] ?? {}) as Readonly<Record<string, unknown>>
  const name = column.slice('params.'.length)
  return Object.hasOwn(params, name) ? params[name] : null
}

const isGiven = (value: unknown): boolean =>
  value !== null && value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)

/** An image is a whole row; its name will do. */
const shownAs = (name: string, value: unknown): string =>
  name === 'image' && typeof value === 'object'
    ? (value as Readonly<{ name: string }>).name
    : showValue(withoutSecrets(name, value))

const snake = (name: string): string =>
  name.startsWith('params.') ? name : name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

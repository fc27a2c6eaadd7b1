// Who asked for an address in vain, and why; a stranger is adopted by way of the form for a new machine.
import { networkContains, parseIpv4, parseMac } from '../../inventory/address.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import type { SeenClient } from '../../serve/dhcp/seen-file.ts'
import { readSeen } from '../../serve/dhcp/seen-file.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import { mayAs } from '../roles.ts'
import type { Route, Visit } from '../route.ts'

export const strangerRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/seen', role: 'viewer', handle: (visit) => showSeen(admin, visit) },
]

/** Whoever asked last comes first; a hall full of strangers is shown so far. */
const mostShown = 300

async function showSeen(admin: Admin, visit: Visit): Promise<void> {
  const clients = await readSeen(admin.desk(visit.by.who).stateDir)
  const snapshot = await apiOf(admin).snapshot()
  visit.page('seen.html', {
    clients: (clients ?? []).slice(0, mostShown).map((client) => ({ ...client, adopt: adoptionOf(snapshot, client) })),
    total: clients?.length ?? 0,
    mayChange: mayAs(visit.actor.role, 'operator'),
  })
}

/** '' for who is no stranger, or has no MAC of Ethernet. */
function adoptionOf(snapshot: Snapshot, { mac: given, machine, uuid, via }: SeenClient): string {
  const mac = parseMac(given)
  if (machine !== null || mac === null || snapshot.byMac.has(mac)) return ''
  const network = networkAt(snapshot, via)
  const known = { mac, ...(uuid === null ? {} : { uuid }), ...(network === null ? {} : { network }) }
  return `/add?${new URLSearchParams(known).toString()}`
}

/** The network of the relay that brought the question. */
function networkAt(snapshot: Snapshot, via: string): string | null {
  const address = parseIpv4(via)
  if (address === null) return null
  const networks = [...snapshot.networks.values()]
  const found =
    networks.find(({ relay }) => relay === address) ?? networks.find(({ cidr }) => networkContains(cidr, address))
  return found?.name ?? null
}

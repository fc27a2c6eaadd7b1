// One machine: what it is and from where, what is wrong with it, what it does next, and how far it is.
import { effectiveMac } from '../../plan/interfaces.ts'
import { describeFinding } from '../../manage/finding-text.ts'
import { machineAsAWhole } from '../../manage/machine.ts'
import { foldNames } from '../../manage/names.ts'
import { factsOf } from '../../manage/provenance.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import type { Route, Visit } from '../route.ts'
import { queryOf } from '../route.ts'
import { hrefOfMachine, machineAsked, machineHead } from './machine-head.ts'

export const machineRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/machines/:name', role: 'viewer', handle: (visit) => showMachine(admin, visit) },
]

async function showMachine(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const snapshot = await apiOf(admin).snapshot()
  const name = machineAsked(snapshot, visit)
  const whole = await machineAsAWhole(desk, snapshot, name)
  const { machine } = whole
  const facts = machine === null ? [] : factsOf(snapshot, snapshot.machines.get(name) ?? machine, desk.server)
  const networks = new Set(networkFacts)
  visit.page('machine.html', {
    head: await machineHead(desk, snapshot, visit, name, ''),
    machine,
    plan: whole.plan,
    state: whole.state,
    guests: { count: whole.guests.length, folded: foldNames(whole.guests) },
    dom0: machine?.dom0 == null ? null : { name: machine.dom0, href: hrefOfMachine(machine.dom0) },
    interfaces: whole.interfaces.map((nic) => ({
      ...nic,
      mac: machine === null ? nic.mac : effectiveMac(machine, nic),
      isDerived: nic.mac === null && machine?.dom0 != null,
    })),
    withheld: whole.findings.filter(({ severity }) => severity === 'withheld').map(describeFinding),
    warnings: whole.findings.filter(({ severity }) => severity === 'warning').map(describeFinding),
    groups: [
      { title: 'Boot network', facts: facts.filter(({ name: fact }) => networks.has(fact)) },
      { title: 'Install', facts: facts.filter(({ name: fact }) => !networks.has(fact) && !isParam(fact)) },
      { title: 'Params', facts: facts.filter(({ name: fact }) => isParam(fact)) },
    ].filter((group) => group.facts.length > 0),
    isWide: queryOf(visit.request, 'layers') === '1',
    own: machine === null ? [] : ownFacts(machine),
  })
}

const networkFacts: readonly string[] = [
  ...['mac', 'ip', 'ip6', 'netmask', 'gateway', 'dns', 'dns6', 'ntp', 'mtu', 'vlan', 'domain', 'server_address'],
]
const isParam = (name: string): boolean => name.startsWith('params.')

/** What no layer but the machine's own row gives. */
const ownFacts = ({
  profile,
  memory_mib,
  vcpus,
  cpus,
  vdisk,
  uuid,
}: Readonly<
  Record<'profile' | 'cpus' | 'vdisk' | 'uuid', string | null> & Record<'memory_mib' | 'vcpus', number | null>
>) =>
  [
    { label: 'Profile', value: profile, href: `/profiles/${encodeURIComponent(profile ?? '')}` },
    { label: 'Memory', value: memory_mib === null ? null : `${memory_mib.toLocaleString('en')} MiB`, href: '' },
    { label: 'CPUs', value: vcpus, href: '' },
    { label: 'Pinned to', value: cpus, href: '' },
    { label: 'Virtual disks', value: vdisk, href: '' },
    { label: 'UUID', value: uuid, href: '' },
  ].filter(({ value }) => value !== null)

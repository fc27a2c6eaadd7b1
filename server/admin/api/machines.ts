// Machines: their rows, and what follows from them.
import { z } from 'zod'
import type { Machine } from '../../inventory/rows.ts'
import { expandRange, namingMachines } from '../../inventory/select.ts'
import { inSlices } from '../../inventory/slices.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import type { Expected } from '../../inventory/store/versions.ts'
import { noVersion, readVersions } from '../../inventory/store/versions.ts'
import type { Desk } from '../../manage/desk.ts'
import { Refused } from '../../manage/failure.ts'
import { machineAsAWhole, readStates } from '../../manage/machine.ts'
import { machineLines } from '../../manage/machine-lines.ts'
import { editsToAdd, editsToRemove, editsToReplace, editsToSet } from '../../manage/machines.ts'
import type { SortField } from '../../manage/order.ts'
import type { FarmIndex } from '../../manage/farm-index.ts'
import { farmIndex } from '../../manage/farm-index.ts'
import { entriesSortedBy, sortFields } from '../../manage/order.ts'
import { assignmentsOf } from '../../manage/patches.ts'
import { withoutSecrets } from '../../inventory/secrets.ts'
import { chosenName, refuseTooMany } from '../../manage/selection.ts'
import { neverHeardOf } from '../../plan/states.ts'
import type { Role } from '../roles.ts'
import { mayAs } from '../roles.ts'
import { change, changeAnswers, changeQuery } from './apply.ts'
import type { Api, Call, Endpoint } from './endpoint.ts'
import { endpoint, etagOf, versionExpected } from './endpoint.ts'
import { pageOfKeys, pageQuery, selectors, selectQuery } from './page.ts'
import {
  listedMachine,
  machine,
  machineLine,
  machinePatch,
  machineToPut,
  newMachine,
  overview,
  pageOf,
} from './schemas.ts'

const tag = 'machines'
const params = { name: 'its host name' }
const ifMatch = {
  'If-Match': 'the ETag of what the change was decided on; when it is another by now, nothing is changed',
}

export const machineEndpoints = (api: Api): readonly Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/machines',
    role: 'viewer',
    tag,
    summary: 'list machines',
    query: z.object({ select: selectQuery, sort: sortQuery, ...pageQuery }),
    answers: { 200: { what: 'a page of machines', schema: pageOf(listedMachine) } },
    example: { query: { select: 'acas* profile=base', sort: '-hostname', limit: '2' } },
    handle: async ({ desk, query, visit }) => {
      const index = await farmIndex(await api.snapshot(), desk.known)
      const { items, ...page } = pageOfKeys(await namesInOrder(index, selectors(query.select), query.sort), query)
      return { body: { items: await list(desk, index, items, visit.actor.role), ...page } }
    },
  }),
  endpoint({
    method: 'post',
    path: '/machines',
    role: 'operator',
    tag,
    summary: 'add a machine, or a range of them',
    query: changeQuery,
    body: newMachine,
    answers: changeAnswers,
    example: {
      body: {
        hostname: 'db01',
        profile: 'base',
        disk: 'sda',
        interfaces: { eth0: { mac: '00:00:5e:00:53:77', ip: '192.0.2.77', network: 'farm' } },
      },
    },
    handle: ({ desk, query, body: { hostname, ...patch } }) =>
      change(api, desk, query, (snapshot) => editsToAdd(snapshot, expandRange(hostname), assignmentsOf(patch))),
  }),
  endpoint({
    method: 'patch',
    path: '/machines',
    role: 'operator',
    tag,
    summary: 'change fields of many machines, all or none',
    query: z.object({ select: selectQuery, ...changeQuery.shape }),
    body: machinePatch,
    answers: changeAnswers,
    example: { query: { select: 'acas000[2-3]', dryRun: 'true' }, body: { memory_mib: 1024, params: { rack: 'r12' } } },
    handle: ({ desk, query, body }) =>
      change(api, desk, query, async (snapshot) => {
        const words = selectors(query.select)
        if (words.length === 0) throw new Refused("select says which machines; '*' is all of them")
        const named = await inSlices(namingMachines(snapshot, words))
        refuseTooMany(named.size)
        const names = [...named].map(({ hostname }) => hostname)
        return editsToSet(desk.store, snapshot, names, assignmentsOf(body))
      }),
  }),
  endpoint({
    method: 'get',
    path: '/machines/{name}',
    role: 'viewer',
    tag,
    summary: 'the rows of a machine',
    params,
    answers: { 200: { what: 'the machine; its ETag changes with its rows', schema: machine } },
    example: { params: { name: 'web' } },
    handle: async ({ desk, params: { name = '' }, visit }) => {
      const snapshot = await api.snapshot()
      const row = rowOfMachine(snapshot, chosenName(snapshot, name))
      const version = await versionOf(desk, snapshot, row.hostname)
      return {
        headers: { ETag: etagOf(version) },
        body: { ...shownMachine(snapshot, row, visit.actor.role), etag: version },
      }
    },
  }),
  endpoint({
    method: 'put',
    path: '/machines/{name}',
    role: 'operator',
    tag,
    summary: 'what a machine is, all of it: added, or replaced',
    description:
      'Fields that are not named get their defaults, and interfaces that are not named go. What the next boot does stays unless it is named.',
    params,
    headers: ifMatch,
    query: changeQuery,
    body: machineToPut,
    answers: changeAnswers,
    example: {
      params: { name: 'web' },
      body: { profile: 'base', disk: 'sda', interfaces: { eth0: { mac: '00:00:5e:00:53:02' } } },
    },
    handle: (call) =>
      change(api, call.desk, { ...call.query, expected: expectedOf(call) }, (snapshot) =>
        editsToReplace(snapshot, hostnameOf(call), assignmentsOf(call.body)),
      ),
  }),
  endpoint({
    method: 'patch',
    path: '/machines/{name}',
    role: 'operator',
    tag,
    summary: 'change fields of a machine',
    params,
    headers: ifMatch,
    query: changeQuery,
    body: machinePatch,
    answers: changeAnswers,
    example: { params: { name: 'web' }, body: { notes: 'moved', interfaces: { 'eth0.30': null } } },
    handle: (call) =>
      change(api, call.desk, { ...call.query, expected: expectedOf(call) }, (snapshot) =>
        editsToSet(call.desk.store, snapshot, [chosenName(snapshot, hostnameOf(call))], assignmentsOf(call.body)),
      ),
  }),
  endpoint({
    method: 'delete',
    path: '/machines/{name}',
    role: 'operator',
    tag,
    summary: 'remove a machine with its interfaces',
    params,
    headers: ifMatch,
    query: changeQuery,
    answers: changeAnswers,
    example: { params: { name: 'web' } },
    handle: (call) =>
      change(api, call.desk, { ...call.query, expected: expectedOf(call) }, (snapshot) =>
        editsToRemove(snapshot, [chosenName(snapshot, hostnameOf(call))]),
      ),
  }),
  endpoint({
    method: 'get',
    path: '/overview',
    role: 'viewer',
    tag,
    summary: 'one line for each machine; of all of them also those whose rows can not be read',
    query: z.object({ select: selectQuery }),
    answers: { 200: { what: 'the machines, in natural order', schema: z.object({ items: z.array(machineLine) }) } },
    example: { query: { select: 'acas*' } },
    handle: async ({ desk, query }) => ({
      body: { items: await machineLines(desk, await api.snapshot(), selectors(query.select)) },
    }),
  }),
  endpoint({
    method: 'get',
    path: '/machines/{name}/overview',
    role: 'viewer',
    tag,
    summary: 'a machine as a whole: rows, what holds for it and from where, findings, plan, boot state, last events',
    params,
    answers: { 200: { what: 'the machine', schema: overview } },
    example: { params: { name: 'acas0001' } },
    handle: async ({ desk, params: { name = '' } }) => {
      const snapshot = await api.snapshot()
      return { body: await machineAsAWhole(desk, snapshot, chosenName(snapshot, name)) }
    },
  }),
]

const sortQuery = z
  .string()
  .regex(
    new RegExp(`^-?(${sortFields.join('|')})$`),
    `expected one of ${sortFields.join(', ')}, with - in front for the other way`,
  )
  .default('hostname')
  .describe(`${sortFields.join(', ')}; with - in front the other way`)

type Named = Pick<Call<unknown, unknown>, 'params' | 'visit'>

const hostnameOf = ({ params: { name = '' } }: Named): string => name.toLowerCase().split('.')[0] ?? ''

function expectedOf(call: Named): readonly Expected[] {
  const version = versionExpected(call.visit.request)
  return version === null ? [] : [{ table: 'machines', key: hostnameOf(call), version }]
}

async function namesInOrder(index: FarmIndex, words: readonly string[], sort: string): Promise<readonly string[]> {
  const isReversed = sort.startsWith('-')
  const all = await inSlices(entriesSortedBy(index, sort.replace(/^-/, '') as SortField))
  const chosen = words.length === 0 ? null : await inSlices(namingMachines(index.snapshot, words, index.entries))
  const found = chosen === null ? all : all.filter(({ machine }) => chosen.has(machine))
  const names = found.map(({ machine }) => machine.hostname)
  return isReversed ? names.toReversed() : names
}

/** @throws Refused when its row can't be read */
function rowOfMachine(snapshot: Snapshot, hostname: string): Machine {
  const row = snapshot.machines.get(hostname)
  if (row === undefined) throw new Refused(`the row of machine ${hostname} can't be read; its overview says why`)
  return row
}

/** What a viewer is not to know is not in it. */
function shownMachine(snapshot: Snapshot, row: Machine, role: Role): object {
  const nics = (snapshot.interfaces.get(row.hostname) ?? []).map(({ machine: _, name, ...nic }) => [name, nic] as const)
  const whole = { ...row, interfaces: Object.fromEntries(nics) }
  return mayAs(role, 'operator') ? whole : (withoutSecrets('', whole) as object)
}

const versionOf = async ({ store }: Desk, snapshot: Snapshot, hostname: string): Promise<string> =>
  (await readVersions(store.db, 'machines', [hostname], snapshot)).get(hostname) ?? noVersion

async function list(desk: Desk, index: FarmIndex, names: readonly string[], role: Role): Promise<readonly object[]> {
  const { snapshot, withheld } = index
  const versions = await readVersions(desk.store.db, 'machines', names, snapshot)
  const states = await readStates(desk, snapshot, names)
  return names.map((hostname) => ({
    ...shownMachine(snapshot, rowOfMachine(snapshot, hostname), role),
    etag: versions.get(hostname) ?? noVersion,
    withheld: withheld.has(hostname),
    state: states.get(hostname) ?? neverHeardOf,
  }))
}

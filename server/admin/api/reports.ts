// What is wrong, who asked in vain, and whether all is well.
import { z } from 'zod'
import type { Finding } from '../../inventory/findings.ts'
import { findings } from '../../inventory/findings.ts'
import { inSlices, mapped } from '../../inventory/slices.ts'
import { farmIndex } from '../../manage/farm-index.ts'
import { findingsInOrder } from '../../manage/findings-in-order.ts'
import { chosenNames } from '../../manage/selection.ts'
import { assignmentsOf } from '../../manage/patches.ts'
import { hidden, withoutSecrets } from '../../inventory/secrets.ts'
import { adoptStranger } from '../../manage/strangers.ts'
import { readSeen, seenClient } from '../../serve/dhcp/seen-file.ts'
import type { Role } from '../roles.ts'
import { mayAs } from '../roles.ts'
import { change, changeAnswers, changeQuery } from './apply.ts'
import type { Api, Endpoint } from './endpoint.ts'
import { endpoint } from './endpoint.ts'
import { selectors, selectQuery } from './page.ts'
import { finding, health, newMachine } from './schemas.ts'

/** More than there are machines: whoever checks wants all. */
export const mostFindings = 1_000_000

export const reportEndpoints = (api: Api): readonly Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/findings',
    role: 'viewer',
    tag: 'reports',
    summary: 'every row that keeps a machine from being served, and what looks wrong',
    query: z.object({
      select: selectQuery,
      limit: z.coerce.number().int().min(1).max(mostFindings).default(1000),
    }),
    answers: {
      200: {
        what: 'the findings; `more`: there are others',
        schema: z.object({ items: z.array(finding), more: z.boolean() }),
      },
    },
    example: { query: { select: 'web' } },
    handle: async ({ desk, query, visit }) => {
      const snapshot = await api.snapshot()
      const words = selectors(query.select)
      const findingsOf = (name: string) => findings(snapshot, name, desk.known)
      const found =
        words.length === 0
          ? await findingsInOrder(await farmIndex(snapshot, desk.known))
          : (await inSlices(mapped(await chosenNames(snapshot, words), findingsOf))).flat()
      const items: Finding[] = []
      for (const one of found) if (items.push(findingFor(visit.actor.role, one)) > query.limit) break
      return { body: { items: items.slice(0, query.limit), more: items.length > query.limit } }
    },
  }),
  endpoint({
    method: 'get',
    path: '/seen',
    role: 'viewer',
    tag: 'reports',
    summary: 'machines and strangers that asked for an address and got none, with the reason',
    answers: {
      200: {
        what: 'whoever asked last comes first; `listed`: a server has kept the list',
        schema: z.object({ items: z.array(seenClient), listed: z.boolean() }),
      },
    },
    example: {},
    handle: async ({ desk }) => {
      const clients = await readSeen(desk.stateDir)
      return { body: { items: clients ?? [], listed: clients !== null } }
    },
  }),
  endpoint({
    method: 'post',
    path: '/seen/{mac}/adopt',
    role: 'operator',
    tag: 'reports',
    summary: 'make a stranger a machine of the inventory, with its MAC',
    params: { mac: 'as it stands in the list' },
    query: changeQuery,
    body: z.strictObject({
      ...newMachine.shape,
      interface: z.string().default('eth0').describe('what the interface with the MAC is called'),
    }),
    answers: changeAnswers,
    example: {
      params: { mac: '00:00:5e:00:53:78' },
      body: {
        hostname: 'newcomer',
        profile: 'base',
        disk: 'sda',
        interfaces: { eth0: { ip: '192.0.2.78', network: 'farm' } },
      },
    },
    handle: ({ desk, params: { mac = '' }, query, body: { hostname, interface: nic, ...patch } }) =>
      change(api, desk, query, (snapshot) => adoptStranger(snapshot, { mac, hostname, nic }, assignmentsOf(patch))),
  }),
  endpoint({
    method: 'get',
    path: '/health',
    role: 'viewer',
    tag: 'reports',
    summary: "whether all is well: the server's own /healthz",
    answers: { 200: { what: 'all is well, or what is not', schema: health } },
    example: {},
    handle: () => ({ body: api.health() }),
  }),
]

/** The value of a row that can't be read may be anything, a secret too. */
export function findingFor(role: Role, found: Finding): Finding {
  if (mayAs(role, 'operator')) return found
  const isOpaque = /^(params|value)(\.|$)/.test(found.field)
  return { ...found, value: isOpaque ? hidden : withoutSecrets(found.field, found.value) }
}

// How machines come along: their boot states, timelines and consoles.
import { z } from 'zod'
import { expandRange, selectingMachines } from '../../inventory/select.ts'
import { inSlices } from '../../inventory/slices.ts'
import { readConsoles } from '../../inventory/store/read.ts'
import { readStates } from '../../manage/machine.ts'
import { readTimeline } from '../../manage/timeline.ts'
import { watchedMachines } from '../../manage/watched.ts'
import { flag } from './apply.ts'
import type { Api, Endpoint } from './endpoint.ts'
import { endpoint } from './endpoint.ts'
import { selectors, selectQuery } from './page.ts'
import { bootState, console, event } from './schemas.ts'

const tag = 'events'
const namesQuery = z.object({
  names: z
    .string()
    .default('')
    .describe('host names and ranges, separated by spaces; of who is not there nothing is said'),
})
const namesIn = (text: string): readonly string[] => selectors(text).flatMap(expandRange)

const watchedMachine = z.object({
  hostname: z.string(),
  dom0: z.string().nullable().describe('the Dom0 below which it stands'),
  isNamed: z.boolean().describe('false: it came with its Dom0'),
})
export const timeline = z.object({
  machines: z.array(
    z.object({
      hostname: z.string(),
      state: bootState,
      reached: z.array(z.object({ stage: z.string(), at: z.string() })),
    }),
  ),
  events: z.array(event),
  console: z.object({ at: z.string(), tail: z.string().nullable() }).nullable(),
  newest: z.number().describe('the number of the newest event of anybody: `Last-Event-ID` of a stream that goes on'),
})
export const states = z.object({ items: z.record(z.string(), bootState) })
export const consoles = z.object({ items: z.array(console) })
export const watched = z.object({ items: z.array(watchedMachine) })

export const progressEndpoints = (api: Api): readonly Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/machines/{name}/timeline',
    role: 'viewer',
    tag,
    summary: 'what a machine reported and was served, and how it stands; of a Dom0 its guests beside it',
    params: { name: 'its host name; events outlive their machine' },
    query: z.object({
      limit: z.coerce.number().int().min(1).max(100_000).default(200).describe('how many events, the newest'),
      eventsOnly: flag.describe('true: its own events, and no more'),
    }),
    answers: {
      200: { what: 'the machine, its guests, and the events of all of them, oldest first', schema: timeline },
    },
    example: { params: { name: 'acas0001' } },
    handle: async ({ desk, params: { name = '' }, query }) => {
      const hostname = name.toLowerCase().split('.')[0] ?? ''
      return { body: await readTimeline(desk, api.snapshot, hostname, query) }
    },
  }),
  endpoint({
    method: 'get',
    path: '/watched',
    role: 'viewer',
    tag,
    summary: 'machines in the order in which they are watched: a Dom0, then its guests',
    query: z.object({ select: selectQuery }),
    answers: { 200: { what: 'the machines', schema: watched } },
    example: { query: { select: 'acas0001' } },
    handle: async ({ query }) => {
      const snapshot = await api.snapshot()
      const named = await inSlices(selectingMachines(snapshot, selectors(query.select)))
      return { body: { items: watchedMachines(snapshot, named) } }
    },
  }),
  endpoint({
    method: 'get',
    path: '/states',
    role: 'viewer',
    tag,
    summary: 'how far machines are',
    query: namesQuery,
    answers: { 200: { what: 'boot states by host name', schema: states } },
    example: { query: { names: 'acas[0001-0003] web' } },
    handle: async ({ desk, query }) => {
      const snapshot = await api.snapshot()
      const names = namesIn(query.names).filter((name) => snapshot.machines.has(name))
      return { body: { items: Object.fromEntries(await readStates(desk, snapshot, names)) } }
    },
  }),
  endpoint({
    method: 'get',
    path: '/consoles',
    role: 'viewer',
    tag,
    summary: 'the ends of the newest consoles that machines have shown',
    query: namesQuery,
    answers: { 200: { what: 'those that there are', schema: consoles } },
    example: { query: { names: 'web' } },
    handle: async ({ desk, query }) => ({
      body: { items: [...(await readConsoles(desk.store, namesIn(query.names))).values()] },
    }),
  }),
]

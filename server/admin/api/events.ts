// What machines report and are served: as a list, or as it comes.
import { z } from 'zod'
import { namingMachines } from '../../inventory/select.ts'
import { inSlices } from '../../inventory/slices.ts'
import { readEvents, readNewestEvents } from '../../inventory/store/read.ts'
import type { Api, Call, Endpoint } from './endpoint.ts'
import { endpoint } from './endpoint.ts'
import type { EventStreams } from './event-streams.ts'
import { selectors, selectQuery } from './page.ts'
import { event } from './schemas.ts'

const tag = 'events'
const description =
  'With `Accept: text/event-stream` it goes on as server-sent events: `id` is the number of the event, `data` the event. Who is cut off goes on with `Last-Event-ID`.'
const headers = { 'Last-Event-ID': 'of a stream: the number of the last event that was had' }
const limit = z.coerce.number().int().min(1).max(1000).default(100).describe('how many, the newest')

export const eventEndpoints = (api: Api, streams: EventStreams): readonly Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/events',
    role: 'viewer',
    tag,
    summary: 'events of all machines, newest first',
    description,
    headers,
    query: z.object({
      select: selectQuery.describe('of a stream: only of these machines'),
      limit,
      before: z.coerce.number().int().optional().describe('only numbers below this one: the next page'),
    }),
    answers: { 200: { what: 'the events', schema: z.object({ items: z.array(event) }) } },
    example: { query: { limit: '10' } },
    handle: async (call) => {
      const { desk, query } = call
      const words = selectors(query.select)
      if (isStream(call)) {
        const named = words.length === 0 ? null : await inSlices(namingMachines(await api.snapshot(), words))
        const machines = named === null ? null : new Set([...named].map(({ hostname }) => hostname))
        return streams.open(desk.store, call.visit, machines)
      }
      return { body: { items: await readNewestEvents(desk.store, query.limit, query.before) } }
    },
  }),
  endpoint({
    method: 'get',
    path: '/machines/{name}/events',
    role: 'viewer',
    tag,
    summary: "a machine's timeline, oldest first",
    description,
    params: { name: 'its host name; events outlive their machine' },
    headers,
    query: z.object({ limit }),
    answers: { 200: { what: 'the newest events', schema: z.object({ items: z.array(event) }) } },
    example: { params: { name: 'web' }, query: { limit: '10' } },
    handle: async (call) => {
      const { desk, query, params } = call
      const hostname = (params['name'] ?? '').toLowerCase().split('.')[0] ?? ''
      if (isStream(call)) return streams.open(desk.store, call.visit, new Set([hostname]))
      return { body: { items: await readEvents(desk.store, hostname, query.limit) } }
    },
  }),
]

const isStream = ({ visit }: Pick<Call<unknown, unknown>, 'visit'>): boolean =>
  visit.request.accepts(['application/json', 'text/event-stream']) === 'text/event-stream'

// The API as a whole: its endpoints, in the order of the document.
import type { Admin } from '../app.ts'
import { HttpRefusal } from '../refusal.ts'
import type { Route } from '../route.ts'
import { bootEndpoints } from './boot.ts'
import { bulkEndpoints } from './bulk.ts'
import { documentEndpoints } from './documents.ts'
import type { Api, Endpoint } from './endpoint.ts'
import { routeOf } from './endpoint.ts'
import type { EventStreams } from './event-streams.ts'
import { eventEndpoints } from './events.ts'
import { historyEndpoints } from './history.ts'
import { machineEndpoints } from './machines.ts'
import { planEndpoints } from './plans.ts'
import { progressEndpoints } from './progress.ts'
import { reference } from './reference.ts'
import { reportEndpoints } from './reports.ts'
import { rowEndpoints } from './rows.ts'
import { targetEndpoints } from './targets.ts'
import { userEndpoints } from './users.ts'

export function apiRoutes(admin: Admin): readonly Route[] {
  const endpoints = apiEndpoints(apiOf(admin), admin.streams)
  const { one: document, page } = reference(endpoints)
  return [...[...endpoints, document].map((one) => routeOf(apiOf(admin), one)), page]
}

export const apiOf = ({ live, desk, health }: Admin): Api => ({
  desk,
  health,
  snapshot: async () => {
    await live.refresh()
    return live.snapshot()
  },
  current: async () => {
    if (!live.health().ok) throw new HttpRefusal(503, 'the database is away; nothing can be changed until it is back')
    await live.catchUp()
    return live.snapshot()
  },
})

export function apiEndpoints(api: Api, streams: EventStreams): readonly Endpoint[] {
  return [
    ...machineEndpoints(api),
    ...bootEndpoints(api),
    ...planEndpoints(api),
    ...eventEndpoints(api, streams),
    ...progressEndpoints(api),
    ...rowEndpoints(api),
    ...bulkEndpoints(api),
    ...historyEndpoints(api),
    ...documentEndpoints(api),
    ...targetEndpoints(api),
    ...reportEndpoints(api),
    ...userEndpoints(),
  ]
}

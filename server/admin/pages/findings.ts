// What is wrong in the inventory: by machine and by field, each with the way out and a link to mend it.
import type { Finding } from '../../inventory/findings.ts'
import { farmIndex } from '../../manage/farm-index.ts'
import { findingsInOrder } from '../../manage/findings-in-order.ts'
import { showValue } from '../../manage/row-changes.ts'
import { findingFor } from '../api/reports.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import { mayAs } from '../roles.ts'
import type { Route, Visit } from '../route.ts'
import { queryOf } from '../route.ts'

export const findingRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/findings', role: 'viewer', handle: (visit) => showFindings(admin, visit) },
]

type Filter = Readonly<{
  /** A part of the machine's name. */
  machine: string
  severity: string
  /** `interfaces.ip`. */
  what: string
}>

const findingsPerPage = 100

async function showFindings(admin: Admin, visit: Visit): Promise<void> {
  const { request, actor } = visit
  const word = (name: string): string => queryOf(request, name).trim().slice(0, 200)
  const filter: Filter = { machine: word('machine').toLowerCase(), severity: word('severity'), what: word('what') }
  const snapshot = await apiOf(admin).snapshot()
  const index = await farmIndex(snapshot, admin.desk(visit.by.who).known)
  const all = await findingsInOrder(index)
  const found = all.filter((one) => isWanted(filter, one))
  const from = Math.max(0, Math.min(Math.floor(Number(word('from')) || 0), found.length - 1))
  const shown = found.slice(from, from + findingsPerPage)
  const at = (place: number): string => {
    const pairs = Object.entries({ ...filter, from: place <= 0 ? '' : String(place) })
    const words = new URLSearchParams(pairs.filter(([, value]) => value !== '')).toString()
    return words === '' ? '/findings' : `/findings?${words}`
  }
  visit.page('findings.html', {
    ...{ filter, all: all.length, total: found.length, withheld: index.withheld.size },
    isFiltered: Object.values(filter).some((text) => text !== ''),
    fields: fieldsIn(all),
    rows: shown.map((one) => rowOf(findingFor(actor.role, one), mayAs(actor.role, 'operator'))),
    first: from + 1,
    last: from + shown.length,
    previous: from > 0 ? at(from - findingsPerPage) : '',
    next: from + shown.length < found.length ? at(from + findingsPerPage) : '',
  })
}

const isWanted = ({ machine, severity, what }: Filter, found: Finding): boolean =>
  (severity === '' || found.severity === severity) &&
  (what === '' || whatOf(found) === what) &&
  found.machine.includes(machine)

const whatOf = ({ table, field }: Finding): string => `${table}.${field}`

/** What is wrong with how many, the commonest first. */
function fieldsIn(all: readonly Finding[]) {
  const counts = new Map<string, number>()
  for (const one of all) counts.set(whatOf(one), (counts.get(whatOf(one)) ?? 0) + 1)
  return [...counts].toSorted(([, a], [, b]) => b - a).map(([what, count]) => ({ what, count }))
}

const rowOf = (found: Finding, mayChange: boolean) => ({
  ...found,
  shownValue: showValue(found.value),
  place: found.table === 'machines' ? found.field : `${found.table} ${placeOf(found)} ${found.field}`,
  href: mayChange ? mendingPlace(found) : '',
})

/** An interface's own name: whose it is stands beside it. */
const placeOf = ({ table, key }: Finding): string => (table === 'interfaces' ? (key.split('/')[1] ?? key) : key)

/** Where the row is mended that is to blame: a profile's template is no machine's fault. */
function mendingPlace({ table, key }: Finding): string {
  if (table === 'machines' || table === 'interfaces')
    return `/machines/${encodeURIComponent(key.split('/')[0] ?? key)}/edit`
  return table === 'site' ? '/site/edit' : `/${table}/${encodeURIComponent(key)}`
}

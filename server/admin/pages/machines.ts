// The table of machines: found as one types, filtered, in order, a page at a time; and chosen, to do something to many.
import { bootActions } from '../../inventory/rows.ts'
import { compareNaturally } from '../../inventory/natural-order.ts'
import type { FarmIndex } from '../../manage/farm-index.ts'
import { entryOf } from '../../manage/farm-index.ts'
import { findMachines } from '../../manage/listing.ts'
import { readStates } from '../../manage/machine.ts'
import type { SortField } from '../../manage/order.ts'
import type { BootState } from '../../plan/states.ts'
import { stages } from '../../plan/states.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import { mayAs } from '../roles.ts'
import type { Route, Visit } from '../route.ts'
import { queryOf } from '../route.ts'
import type { ColumnName } from './machine-columns.ts'
import { cellOf, columnNames, columnOf, markOf } from './machine-columns.ts'
import type { MachineQuery } from './machine-query.ts'
import { hrefOf, machinesPerPage, pairsOf, readMachineQuery } from './machine-query.ts'

export const machineListRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/machines', role: 'viewer', handle: (visit) => showMachines(admin, visit) },
]

const stateFilters: readonly string[] = ['withheld', 'stalled', ...stages, 'unknown']

async function showMachines(admin: Admin, visit: Visit): Promise<void> {
  const query = readMachineQuery(visit.request)
  const desk = admin.desk(visit.by.who)
  const snapshot = await apiOf(admin).snapshot()
  const { filter, columns, sort, isReversed } = query
  const { names, index, fault } = await findMachines(desk, snapshot, filter, { field: sort, isReversed })
  const begin = Math.max(0, names.indexOf(query.from))
  const shown = names.slice(begin, begin + machinesPerPage)
  const states = await readStates(desk, snapshot, shown)
  const at = (place: number): string => hrefOf({ ...query, from: place <= 0 ? '' : (names[place] ?? '') })
  // What is typed goes into the address, so that going back and sharing it works.
  if (visit.request.get('hx-request') === 'true') visit.response.set('HX-Push-Url', hrefOf({ ...query, from: '' }))
  visit.page('machines.html', {
    query,
    fault: fault ?? '',
    pairs: pairsOf({ ...query, from: query.from === '' ? '' : (names[begin] ?? '') }),
    columns: columnChoices(query),
    head: [
      headOf(query, 'hostname', 'Machine'),
      ...columns.map((name) => headOf(query, columnOf(name).sort, columnOf(name).label)),
    ],
    rows: shown.map((name) => rowOf(index, states, columns, name)),
    total: names.length,
    all: index.entries.length + index.unreadable.length,
    first: shown.length === 0 ? 0 : begin + 1,
    last: begin + shown.length,
    previous: begin > 0 ? at(begin - machinesPerPage) : '',
    next: begin + machinesPerPage < names.length ? at(begin + machinesPerPage) : '',
    isFiltered: Object.values(filter).some((word) => word !== ''),
    profiles: [...snapshot.profiles.keys()].sort(compareNaturally),
    bootActions,
    states: stateFilters,
    mayChange: mayAs(visit.actor.role, 'operator'),
    done: done[queryOf(visit.request, 'done')] ?? '',
  })
}

/** What a redirect may say was done: words of ours only. */
const done: Readonly<Record<string, string>> = {
  changed: 'The machines are changed. What they are served follows within two seconds.',
  removed: 'The machines are removed, with their interfaces.',
  added: 'The machines are added.',
  armed: 'The installs are armed: each begins at its machine’s next network boot.',
  boot: 'The next boot of these machines is set.',
}

const columnChoices = ({ columns }: MachineQuery) =>
  columnNames.map((name) => ({ name, label: columnOf(name).label, isShown: columns.includes(name) }))

/** A second press turns the order round. */
function headOf(query: MachineQuery, field: SortField | undefined, label: string) {
  const isHere = field !== undefined && query.sort === field
  return {
    label,
    order: isHere ? (query.isReversed ? 'descending' : 'ascending') : '',
    href:
      field === undefined ? '' : hrefOf({ ...query, sort: field, isReversed: isHere && !query.isReversed, from: '' }),
  }
}

function rowOf(index: FarmIndex, states: ReadonlyMap<string, BootState>, columns: readonly ColumnName[], name: string) {
  const entry = entryOf(index, name)
  return {
    name,
    mark: markOf(states.get(name), index.withheld.has(name)),
    cells: columns.map((column) => {
      const { isNumber = false, isMachine = false } = columnOf(column)
      return { isNumber, isMachine, values: entry === undefined ? [] : cellOf(column, entry) }
    }),
  }
}

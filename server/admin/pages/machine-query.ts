// What a list of machines is asked for: filters, columns, order and place, as they stand in its address.
import type { Request } from 'express'
import type { MachineFilter } from '../../manage/listing.ts'
import type { SortField } from '../../manage/order.ts'
import { sortFields } from '../../manage/order.ts'
import { queryOf } from '../route.ts'
import type { ColumnName } from './machine-columns.ts'
import { columnNames, usualColumns } from './machine-columns.ts'

export type MachineQuery = Readonly<{
  filter: MachineFilter
  columns: readonly ColumnName[]
  sort: SortField
  isReversed: boolean
  /** The first machine of the page; '' begins at the beginning. */
  from: string
}>

export const machinesPerPage = 100
const mostText = 500

/** What is no such thing is as if nobody had asked for it. */
export function readMachineQuery(request: Request): MachineQuery {
  const word = (name: string): string => queryOf(request, name).trim().slice(0, mostText)
  const sort = word('sort')
  const asked = new Set(fieldsOf(request.query, 'column'))
  const columns = columnNames.filter((name) => asked.has(name))
  return {
    filter: { text: word('q'), profile: word('profile'), boot: word('boot'), state: word('state'), dom0: word('dom0') },
    columns: columns.length === 0 ? usualColumns : columns,
    sort: sortFields.find((field) => field === sort.replace(/^-/, '')) ?? 'hostname',
    isReversed: sort.startsWith('-'),
    from: word('from'),
  }
}

/** All values of a field that may be given more than once. */
export function fieldsOf(given: unknown, name: string): readonly string[] {
  const value = ((given ?? {}) as Readonly<Record<string, unknown>>)[name]
  return (Array.isArray(value) ? (value as readonly unknown[]) : [value]).filter((one) => typeof one === 'string')
}

/** Name and value pairs that say the same query again; what is usual is left out. */
export function pairsOf(query: MachineQuery): readonly (readonly [string, string])[] {
  const { filter, columns, sort, isReversed, from } = query
  const order = `${isReversed ? '-' : ''}${sort}`
  const pairs: readonly (readonly [string, string])[] = [
    ['q', filter.text],
    ['profile', filter.profile],
    ['boot', filter.boot],
    ['state', filter.state],
    ['dom0', filter.dom0],
    ['sort', order === 'hostname' ? '' : order],
    ['from', from],
    ...(columns.join() === usualColumns.join() ? [] : columns.map((name) => ['column', name] as const)),
  ]
  return pairs.filter(([, value]) => value !== '')
}

export function hrefOf(query: MachineQuery): string {
  const words = new URLSearchParams(pairsOf(query).map(([name, value]): [string, string] => [name, value])).toString()
  return words === '' ? '/machines' : `/machines?${words}`
}

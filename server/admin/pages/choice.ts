// The machines that something is going to be done to: ticked ones, a page, or all that a list has found.
import { SelectorError } from '../../inventory/select.ts'
import { inSlices } from '../../inventory/slices.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import type { Desk } from '../../manage/desk.ts'
import { Refused } from '../../manage/failure.ts'
import { findMachines } from '../../manage/listing.ts'
import { foldingNames } from '../../manage/names.ts'
import { chosenNames, refuseTooMany } from '../../manage/selection.ts'
import type { Visit } from '../route.ts'
import { fieldOf, queryOf } from '../route.ts'
import { fieldsOf, machinesPerPage, readMachineQuery } from './machine-query.ts'

export type Choice = Readonly<{
  names: readonly string[]
  /** The same in few words: what forms carry on. */
  folded: string
}>

/** Where one goes when it is done or left: to the machine that one came from, else to the table. */
export function wayBack({ request }: Visit, { names }: Choice): Readonly<{ back: string; href: string }> {
  const back = request.method === 'GET' ? queryOf(request, 'back') : fieldOf(request, 'back')
  const [name = ''] = names
  return back === 'machine' && names.length === 1
    ? { back, href: `/machines/${encodeURIComponent(name)}` }
    : { back: '', href: '/machines' }
}

/** @throws Refused when there is none, there are too many, or one has gone */
export async function readChoice(desk: Desk, snapshot: Snapshot, visit: Visit): Promise<Choice> {
  const names = await (visit.request.method === 'GET' ? asked(desk, snapshot, visit) : carried(snapshot, visit)).catch(
    (error: unknown) => {
      throw error instanceof SelectorError ? new Refused(error.message) : error
    },
  )
  if (names.length === 0)
    throw new Refused('no machine is chosen: go back to the list and tick some, or choose all that it has found')
  refuseTooMany(names.length)
  return { names, folded: await inSlices(foldingNames(names)) }
}

async function asked(desk: Desk, snapshot: Snapshot, { request }: Visit): Promise<readonly string[]> {
  const scope = queryOf(request, 'scope')
  if (scope !== 'page' && scope !== 'all') return chosenNames(snapshot, fieldsOf(request.query, 'machine'))
  const { filter, sort, isReversed, from } = readMachineQuery(request)
  const { names } = await findMachines(desk, snapshot, filter, { field: sort, isReversed })
  if (scope === 'all') return names
  const begin = Math.max(0, names.indexOf(from))
  return names.slice(begin, begin + machinesPerPage)
}

const carried = (snapshot: Snapshot, { request }: Visit): Promise<readonly string[]> =>
  chosenNames(snapshot, wordsOf(fieldOf(request, 'select')))

/** `acas[0001-0040], web` as selectors: commas within brackets divide nothing. */
const wordsOf = (folded: string): readonly string[] => folded.split(/,\s+/).filter((word) => word !== '')

/** Of the forms that carry a choice on: ten thousand names that don't fold. */
export const mostChoiceBytes = 1024 * 1024

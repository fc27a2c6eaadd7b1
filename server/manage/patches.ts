// A JSON merge patch (RFC 7396) of a row as values given to its columns.
import type { Assignment } from './assignments.ts'
import { Refused } from './failure.ts'

export type Patch = Readonly<Record<string, unknown>>

/** @throws Refused when they would arm: that is more than a field */
export function withoutArming(assignments: readonly Assignment[]): readonly Assignment[] {
  if (assignments.some((one) => one.kind === 'column' && one.column === 'boot' && one.value === 'install'))
    throw new Refused("boot can't be set to install: a field arms nothing; POST to the machine's /arm does")
  return assignments
}

/** @throws Refused as withoutArming() does */
export function assignmentsOf({ params, interfaces, ...columns }: Patch): readonly Assignment[] {
  return withoutArming([
    ...given(columns).map(([column, value]): Assignment => ({ kind: 'column', column, value })),
    // Of params, null takes one away; as undefined it is not there.
    ...given(params).map(([name, value]): Assignment => ({ kind: 'param', name, value: value ?? undefined })),
    ...given(interfaces).flatMap(([name, patch]) => interfaceAssignments(name, patch)),
  ])
}

function interfaceAssignments(name: string, patch: unknown): readonly Assignment[] {
  if (patch === null) return [{ kind: 'no-interface', name }]
  const columns = given(patch)
  // An interface of which nothing is said is one all the same.
  if (columns.length === 0) return [{ kind: 'interface', name, column: 'name', value: name }]
  return columns.map(([column, value]) => ({ kind: 'interface', name, column, value }))
}

const given = (value: unknown): readonly (readonly [string, unknown])[] =>
  Object.entries((value ?? {}) as Patch).filter(([, one]) => one !== undefined)

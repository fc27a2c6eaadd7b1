// Params as a form has them: a line each, NAME = VALUE.
import { canonicalJson } from '../../inventory/encode.ts'
import type { Assignment } from '../../manage/assignments.ts'
import { jsonOrText } from '../../manage/assignments.ts'
import { paramLines } from './machine-fields.ts'
import { plainText } from './merge.ts'

/** Params as lines that paramLines() reads back. */
export function linesOf(stored: unknown): string {
  const params = typeof stored === 'string' && stored !== '' ? jsonOrText(stored) : {}
  if (typeof params !== 'object' || params === null) return typeof stored === 'string' ? plainText(stored) : ''
  return Object.entries(params)
    .map(([name, value]: [string, unknown]) => `${name} = ${paramText(value)}`)
    .join('\n')
}

/** As it is, unless it would be read as something else. */
export const paramText = (value: unknown): string =>
  typeof value === 'string' &&
  value !== '' &&
  value === value.trim() &&
  !/\n/.test(value) &&
  jsonOrText(value) === value
    ? value
    : canonicalJson(value)

/** Params that differ between two texts of them. */
export function paramsChanged(before: string, after: string): readonly Assignment[] {
  const read = (text: string): ReadonlyMap<string, unknown> =>
    new Map(paramLines(text).flatMap((one) => (one.kind === 'param' ? [[one.name, one.value]] : [])))
  const [old, now] = [read(before), read(after)]
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((name): readonly Assignment[] => {
    const [was, is] = [old.get(name), now.get(name)].map((value) => (value === undefined ? '' : canonicalJson(value)))
    return was === is ? [] : [{ kind: 'param', name, value: now.get(name) }]
  })
}

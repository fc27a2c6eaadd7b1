// What can't be done, in sentences for the person who asked, whether at a terminal, by a program or on a page.
import { describeFieldError } from '../inventory/document.ts'
import type { Finding } from '../inventory/findings.ts'
import type { FieldError, TableName } from '../inventory/rows.ts'

/** One thing that stands in the way: a value of a row, a row, or a machine. */
export type Problem = Readonly<{
  machine: string | null
  table: TableName | null
  key: string | null
  field: string | null
  value: unknown
  /** What is wrong and the way out. */
  why: string
}>

/** What was asked for could not be done, or something was found wrong. */
export class Refused extends Error {
  override name = 'Refused'
  /** The same for programs, as far as it is of single rows. */
  readonly problems: readonly Problem[]

  constructor(message: string, options: ErrorOptions & Readonly<{ problems?: readonly Problem[] }> = {}) {
    super(message, options)
    this.problems = options.problems ?? []
  }
}

/** What was asked for can't be understood: the words are wrong, whatever the inventory is. */
export class Misworded extends Error {
  override name = 'Misworded'
}

/** Of a machine, for a reason that is in none of its fields. */
export const problemWith = (machine: string, why: string): Problem => ({
  machine,
  table: null,
  key: null,
  field: null,
  value: null,
  why,
})

/** Of one of a row's values. */
export function problemIn(table: TableName, key: string, { field, value, message }: FieldError): Problem {
  const machine = table === 'machines' || table === 'interfaces' ? (key.split('/')[0] ?? key) : null
  return { machine, table, key, field, value, why: message }
}

export const problemFound = ({ machine, table, key, field, value, message }: Finding): Problem => ({
  machine: machine === '' ? null : machine,
  table,
  key,
  field,
  value,
  why: message,
})

/** `interfaces web/eth0: ip is "300.1.1.1": expected an IPv4 address such as 192.0.2.10` */
export function describeProblem({ machine, table, key, field, value, why }: Problem): string {
  if (table === null || key === null || field === null) return machine === null ? why : `${machine}: ${why}`
  return describeFieldError(table, key, { field, value, message: why })
}

/** An error and its causes in one line each, without stacks; the same words are said once. */
export function describeError(error: unknown): string {
  const reason = reasonOf(error)
  const cause = error instanceof Error && !isComplete(error) ? describeError(error.cause) : ''
  return cause === '' || reason.includes(cause) ? reason : `${reason}: ${cause}`
}

/** Whether the message is the whole story: it was written for a person, or has put its cause in better words. */
function isComplete(error: Error): boolean {
  const { cause } = error
  if (cause === undefined || error instanceof Refused) return true
  return cause instanceof Error && (cause.name === 'ZodError' || ('code' in cause && cause.code === 'ENOENT'))
}

/** Node's connection errors to several addresses of one name have a code and no message. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.message !== '') return error.message
  const inner = error instanceof AggregateError ? (error.errors as readonly unknown[]).map(reasonOf).join('; ') : ''
  return inner !== '' ? inner : 'code' in error ? String(error.code) : error.name
}

// How a command fails: with sentences for the person who typed it, and an exit code for the script that did.
import { InventoryAddressError } from '../inventory/store/open.ts'

/** What was asked for could not be done, or something was found wrong: exit code 1. */
export class CommandFailed extends Error {
  override name = 'CommandFailed'
}

/** The command or the configuration was wrong: exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** @throws CommandFailed always; several sentences become several lines */
export function fail(...sentences: readonly string[]): never {
  throw new CommandFailed(sentences.join('\n'))
}

/** @throws UsageError always */
export function misuse(...sentences: readonly string[]): never {
  throw new UsageError(sentences.join('\n'))
}

export function exitCodeOf(error: unknown): number {
  return error instanceof UsageError || error instanceof InventoryAddressError ? 2 : 1
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
  if (cause === undefined || error instanceof CommandFailed || error instanceof UsageError) return true
  return cause instanceof Error && (cause.name === 'ZodError' || ('code' in cause && cause.code === 'ENOENT'))
}

/** Node's connection errors to several addresses of one name have a code and no message. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.message !== '') return error.message
  const inner = error instanceof AggregateError ? (error.errors as readonly unknown[]).map(reasonOf).join('; ') : ''
  return inner !== '' ? inner : 'code' in error ? String(error.code) : error.name
}

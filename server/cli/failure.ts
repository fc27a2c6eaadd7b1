// How a command fails: with sentences for the person who typed it, and an exit code for the script that did.
import { InventoryAddressError } from '../inventory/store/open.ts'
import { Misworded, Refused } from '../manage/failure.ts'

/** The command or the configuration was wrong: exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** @throws Refused always; several sentences become several lines */
export function fail(...sentences: readonly string[]): never {
  throw new Refused(sentences.join('\n'))
}

/** @throws UsageError always */
export function misuse(...sentences: readonly string[]): never {
  throw new UsageError(sentences.join('\n'))
}

export function exitCodeOf(error: unknown): number {
  const isOurs = [UsageError, Misworded, InventoryAddressError].some((kind) => error instanceof kind)
  return isOurs ? 2 : 1
}

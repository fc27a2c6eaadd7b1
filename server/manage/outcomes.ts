// What became of each target, as a value for programs.
import { MissingProgram } from '../serve/disk/command.ts'
import type { Publication } from '../serve/disk/publish.ts'
import type { Reload } from '../serve/disk/reload.ts'
import { describeError } from './failure.ts'
import type { ChosenTarget, Looked, Made } from './targets.ts'

export type Published = ChosenTarget & Readonly<{ publication: Publication; reload: Reload }>

export type Outcome =
  | Made
  | (Published & Readonly<{ kind: 'rolled back' }>)
  | Looked
  | (ChosenTarget & Readonly<{ kind: 'failed'; why: string }>)

/** One target's failure keeps none of the others back. */
export async function attempt({ target, place }: ChosenTarget, work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work()
  } catch (error) {
    return { kind: 'failed', target, place, why: describeFailure(error) }
  }
}

/** Why a target failed as a whole. */
export function describeFailure(error: unknown): string {
  return missesProgram(error) ? `${describeError(error)}; --no-check leaves the check out` : describeError(error)
}

const missesProgram = (error: unknown): boolean =>
  error instanceof MissingProgram || (error instanceof Error && missesProgram(error.cause))

export function outcomeAsJson(outcome: Outcome): unknown {
  const head = { target: outcome.target, folder: outcome.place.folder }
  switch (outcome.kind) {
    case 'failed':
      return { ...head, kind: 'failed', why: outcome.why }
    case 'compared': {
      const { written, removed, conflicts, leftOut, rendered, files, ways } = outcome
      const found = { kind: 'compared', written, removed, conflicts, leftOut, rendered, files }
      return { ...head, ...found, ...(ways === null ? {} : { ways }) }
    }
    case 'generated': {
      const { publication, leftOut, rendered, files, reload } = outcome
      return { ...head, ...publication, leftOut, rendered, files, reload }
    }
    case 'rolled back':
      return { ...head, ...outcome.publication, reload: outcome.reload }
    default:
      return outcome satisfies never
  }
}

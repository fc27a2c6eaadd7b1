// What became of each target, as a value for programs.
import { MissingProgram } from '../serve/disk/command.ts'
import type { Publication } from '../serve/disk/publish.ts'
import type { Reload } from '../serve/disk/reload.ts'
import { describeError } from './failure.ts'
import type { ChosenTarget, Looked, Made, RolledBack } from './targets.ts'

export type Published = ChosenTarget & Readonly<{ publication: Publication; reload: Reload }>

export type Outcome = Made | RolledBack | Looked | (ChosenTarget & Readonly<{ kind: 'failed'; why: string }>)

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

/** What outcomeAsJson() made of an outcome, with what only words for people need: for whoever asked another host. */
export const outcomeToSend = (outcome: Outcome): object => ({
  ...(outcomeAsJson(outcome) as object),
  isIncluded: outcome.kind === 'generated' ? outcome.isIncluded : null,
})

/** The outcome again, as far as it is shown or printed. */
export function outcomeSent({ target, place }: ChosenTarget, sent: object): Outcome {
  const { isIncluded, ...told } = sent as Readonly<{ kind: string; isIncluded: boolean | null }>
  const head = { target, place }
  switch (told.kind) {
    case 'failed':
      return { ...(told as unknown as Extract<Outcome, { kind: 'failed' }>), ...head }
    case 'compared':
      return { ...(told as unknown as Looked), ways: (told as unknown as Partial<Looked>).ways ?? null, ...head }
    default: {
      const { leftOut, rendered, files, reload } = told as unknown as Made
      const publication = told as unknown as Publication
      if ((leftOut as unknown) === undefined) return { kind: 'rolled back', ...head, publication, reload }
      return { kind: 'generated', ...head, publication, leftOut, rendered, files, reload, isIncluded }
    }
  }
}

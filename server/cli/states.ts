// Boot states and consoles, as commands read and word them.
import type { Snapshot } from '../inventory/snapshot.ts'
import type { BootState } from '../plan/states.ts'
import { neverHeardOf } from '../plan/states.ts'
import { readStates as statesRead } from '../manage/machine.ts'
import type { Session } from './session.ts'

export async function readStates(
  session: Session,
  snapshot: Snapshot,
  hostnames: readonly string[],
): Promise<ReadonlyMap<string, BootState>> {
  return statesRead(await session.desk(), snapshot, hostnames)
}

export async function readState(session: Session, snapshot: Snapshot, hostname: string): Promise<BootState> {
  return (await readStates(session, snapshot, [hostname])).get(hostname) ?? neverHeardOf
}

/** `installing 40 % since 2026-11-23T02:25:00.000Z: packages`; of a machine that was never heard of, nothing. */
export function describeState({ state, stage, progress, since, detail }: BootState): string {
  if (state === 'unknown') return ''
  const how = `${state === 'failed' ? failedIn(stage) : state}${showProgress(progress)} since ${since ?? '?'}`
  return detail === null ? how : `${how}: ${detail}`
}

/** `failed in installing`; of what failed before it began, `failed`. */
export const failedIn = (stage: BootState['stage']): string =>
  stage === 'failed' || stage === 'armed' ? 'failed' : `failed in ${stage}`

export const showProgress = (progress: number | null): string => (progress === null ? '' : ` ${progress} %`)

/** Several lines as one. */
export const inOneLine = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, ' | ')

/** The last lines of a console, those left out that say nothing. */
export function lastLines(tail: string, most: number): readonly string[] {
  return tail
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-most)
}

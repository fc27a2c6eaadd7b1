// Boot states and consoles, as commands word them.
import type { BootState } from '../plan/states.ts'

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

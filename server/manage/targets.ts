// Targets of the disk door: looked at, and generated, on one picture of the inventory; and brought back.
import { readFileSync } from 'node:fs'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Past } from '../inventory/store/history.ts'
import { readPast } from '../inventory/store/history.ts'
import type { Store } from '../inventory/store/open.ts'
import type { TargetName } from '../render/targets.ts'
import type { Compared, Generated, GenerateOptions, Picture, Place } from '../serve/generate.ts'
import { compareTarget, generate, publishedFolder } from '../serve/generate.ts'
import { rollBackTarget } from '../serve/rollback.ts'
import type { Publication } from '../serve/disk/publish.ts'
import type { Reload } from '../serve/disk/reload.ts'
import { Refused } from './failure.ts'
import { openDiff } from './target-diff.ts'
import type { Way } from './ways.ts'

export type ChosenTarget = Readonly<{ target: TargetName; place: Place }>

export type Looked = Compared &
  Readonly<{ kind: 'compared'; /** Null when nobody asked for them. */ ways: readonly Way[] | null }>
export type Made = Omit<Generated, 'basis'> &
  Readonly<{
    kind: 'generated'
    /** Whether the daemon's own main file includes ours; null when none is named. */ isIncluded: boolean | null
  }>

export async function generateOne(
  { target, place }: ChosenTarget,
  picture: Picture,
  options: GenerateOptions,
): Promise<Made> {
  const { basis: _, ...made } = await generate(target, place, picture, options)
  return {
    kind: 'generated',
    ...made,
    isIncluded: place.main === null ? null : includes(place.main, publishedFolder(target, place)),
  }
}

/** A main file that can't be read is the checker's trouble, and said there. */
function includes(main: string, published: string): boolean {
  try {
    return readFileSync(main, 'utf8').includes(`${published}/`)
  } catch {
    return true
  }
}

export type RolledBack = ChosenTarget & Readonly<{ kind: 'rolled back'; publication: Publication; reload: Reload }>

/** @param to a generation, or null for the one before. @throws Refused when there is none such */
export async function rollBackOne(
  { target, place }: ChosenTarget,
  to: number | null,
  options: Parameters<typeof rollBackTarget>[3],
): Promise<RolledBack> {
  const { rollback, reload } = await rollBackTarget(target, place, to, options)
  if (rollback.kind === 'impossible') throw new Refused(rollback.why)
  return { kind: 'rolled back', target, place, publication: rollback, reload }
}

/** What generating would do; with `isDiff` in which lines. */
export async function lookAt(
  { target, place }: ChosenTarget,
  picture: Picture,
  options: GenerateOptions,
  isDiff: boolean,
): Promise<Looked> {
  let before = picture.snapshot
  const past: GenerateOptions['past'] = async (basis) => {
    const found = await options.past(basis)
    before = found?.snapshot ?? before
    return found
  }
  const diff = isDiff ? openDiff(target, () => before, picture.snapshot) : null
  const compared = await compareTarget(target, place, picture, {
    ...options,
    past,
    ...(diff === null ? {} : { onChange: diff.add }),
  })
  return { kind: 'compared', ...compared, ways: diff?.ways() ?? null }
}

/** Targets that were made of one picture have one past, which is read once. */
export function pastOf(store: Store, snapshot: Snapshot): GenerateOptions['past'] {
  const read = new Map<string, Promise<Past | null>>()
  return async (basis) => {
    const picture = JSON.stringify([basis.revision, basis.missing])
    const past = read.get(picture) ?? readPast(store, snapshot, basis)
    read.set(picture, past)
    return past
  }
}

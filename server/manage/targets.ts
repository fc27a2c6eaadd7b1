// Targets of the disk door: looked at, and generated, on one picture of the inventory.
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Past } from '../inventory/store/history.ts'
import { readPast } from '../inventory/store/history.ts'
import type { Store } from '../inventory/store/open.ts'
import type { TargetName } from '../render/targets.ts'
import type { Compared, Generated, GenerateOptions, Picture, Place } from '../serve/generate.ts'
import { compareTarget, generate } from '../serve/generate.ts'
import { openDiff } from './target-diff.ts'
import type { Way } from './ways.ts'

export type ChosenTarget = Readonly<{ target: TargetName; place: Place }>

export type Looked = Compared &
  Readonly<{ kind: 'compared'; /** Null when nobody asked for them. */ ways: readonly Way[] | null }>
export type Made = Generated & Readonly<{ kind: 'generated' }>

export async function generateOne(
  { target, place }: ChosenTarget,
  picture: Picture,
  options: GenerateOptions,
): Promise<Made> {
  return { kind: 'generated', ...(await generate(target, place, picture, options)) }
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

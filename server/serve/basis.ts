// What a target was made from, as its folder's manifest keeps it.
import { hash } from 'node:crypto'
import type { Basis } from '../inventory/store/history.ts'
import type { TargetName } from '../render/targets.ts'
import type { Picture, Place } from './generate.ts'
import { programVersion } from './program.ts'

type Kept = Readonly<{
  basis: Basis
  /** Of all that is rendered from beside the rows and the clock. */
  digest: string
}>

export const basisOf = ({ snapshot: { revision, missing }, now }: Picture): Basis => ({ revision, missing, at: now })

export const writeBasis = (basis: Basis, digest: string): string => JSON.stringify({ basis, digest } satisfies Kept)

/** Null when anything else has changed than rows and the clock: then nothing of what was made can be relied on. */
export function readBasis(text: string | null, digest: string): Basis | null {
  const kept = text === null ? null : (JSON.parse(text) as Kept)
  return kept?.digest === digest ? kept.basis : null
}

export function digestOf(target: TargetName, { folder, main }: Place, picture: Picture): string {
  const { inventory, server, known, engine, loaders, imagesFolder } = picture
  const parts = [programVersion(), target, folder, main, inventory, server, [...known.templates].sort()]
  return hash('sha256', JSON.stringify([...parts, engine.digest, loaders, imagesFolder]))
}

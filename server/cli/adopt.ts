// `generate --adopt FILE`: which files are meant. Only what is in conflict is taken, so that a mistyped name does nothing.
import { relative, resolve } from 'node:path'
import { Option } from 'commander'
import type { TargetName } from '../render/targets.ts'
import type { Conflict } from '../serve/disk/judge.ts'
import { publishedFolder } from '../serve/generate.ts'
import { fail } from './failure.ts'
import type { ChosenTarget } from '../manage/targets.ts'

/** A new option each time: commander keeps what it collected in it. */
export const adoptOption = (): Option =>
  new Option('--adopt <file>', 'replace, or remove, this file whoever wrote it; may be given more than once').argParser(
    (file: string, earlier: readonly string[] | undefined) => [...(earlier ?? []), file],
  )

/**
 * Paths by target.
 * @throws Refused naming each file that can't be adopted, and why
 */
export async function adoptions(
  chosen: readonly ChosenTarget[],
  typed: readonly string[],
  conflictsOf: (one: ChosenTarget) => Promise<readonly Conflict[]>,
): Promise<ReadonlyMap<TargetName, ReadonlySet<string>>> {
  if (typed.length === 0) return new Map()
  const adopted = new Map<TargetName, ReadonlySet<string>>()
  const obstacles = new Map<string, string>(typed.map((file) => [file, noConflict]))
  for (const one of chosen) {
    const byPath = new Map((await conflictsOf(one)).map((conflict) => [conflict.path, conflict]))
    const paths = new Set<string>()
    for (const file of typed) {
      const conflict = byPath.get(pathIn(one, file))
      if (conflict === undefined) continue
      if (isAdoptable(conflict)) {
        obstacles.delete(file)
        paths.add(conflict.path)
      } else if (obstacles.has(file)) obstacles.set(file, conflict.message)
    }
    adopted.set(one.target, paths)
  }
  if (obstacles.size > 0)
    fail('nothing was written:', ...[...obstacles].map(([file, why]) => `--adopt ${file}: ${why}`))
  return adopted
}

const noConflict = 'nothing is in conflict there; bootstead generate --check names what is'

const isAdoptable = ({ what }: Conflict): boolean => what === 'edited' || what === 'foreign'

/** A relative name is that of the file in the target, as conflicts are reported. */
export function pathIn({ target, place }: ChosenTarget, file: string): string {
  const published = publishedFolder(target, place)
  return relative(published, resolve(published, file))
}

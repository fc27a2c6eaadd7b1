// The targets a command is about, and where each of them is published.
import { join, resolve } from 'node:path'
import { Argument, Option } from 'commander'
import type { TargetName } from '../render/targets.ts'
import type { ChosenTarget } from '../manage/targets.ts'
import { targetNames } from '../render/targets.ts'
import { misuse } from './failure.ts'
import type { Session } from './session.ts'
import { defaultPlace } from './targets-setting.ts'

export const targetArgument = (): Argument =>
  new Argument('[target...]', 'else those of the setting targets').choices(targetNames)

export const outOption = (): Option =>
  new Option('--out <folder>', 'in FOLDER/TARGET, wherever the targets are else; nobody is told')

/** @throws UsageError when none is named and none is configured */
export function chosenTargets(
  session: Session,
  named: readonly TargetName[],
  { out, check }: Readonly<{ out?: string; /** False: --no-check. */ check?: boolean }>,
): readonly ChosenTarget[] {
  const { targets, state } = session.config()
  const chosen = named.length > 0 ? new Set(named) : targets.keys()
  const places = [...chosen].map((target) => {
    const place = targets.get(target) ?? defaultPlace(state, target)
    return { target, place: { ...place, check: place.check && check !== false } }
  })
  if (places.length === 0)
    misuse(`no target: name some of ${targetNames.join(', ')}, or set targets in bootstead.yaml (bootstead config)`)
  if (out === undefined) return places
  const folder = resolve(session.io.cwd, out)
  // The site's own main file includes another folder: a stand-in is checked.
  return places.map(({ target, place }) => ({
    target,
    place: { ...defaultPlace(state, target), folder: join(folder, target), check: place.check },
  }))
}

// The targets a command is about, and where each of them is published.
import { join, resolve } from 'node:path'
import { Argument, Option } from 'commander'
import type { TargetName } from '../render/targets.ts'
import type { ChosenTarget } from '../manage/targets.ts'
import type { Place } from '../serve/generate.ts'
import { targetNames } from '../render/targets.ts'
import { misuse } from './failure.ts'
import type { Session } from './session.ts'
import { defaultPlace } from './targets-setting.ts'

export const targetArgument = (): Argument =>
  new Argument('[target...]', 'else those of the setting targets').choices(targetNames)

export const outOption = (): Option =>
  new Option('--out <folder>', 'in FOLDER/TARGET, wherever the targets are else; nobody is told')

/** @throws UsageError when none is named and none is configured, or the server that is asked is not configured for one */
export async function chosenTargets(
  session: Session,
  named: readonly TargetName[],
  { out, check }: Readonly<{ out?: string; /** False: --no-check. */ check?: boolean }>,
): Promise<readonly ChosenTarget[]> {
  const { server, state } = session.config()
  if (server !== null && out !== undefined)
    misuse(`--out is a folder of this host, and server is ${server}: leave it out`)
  const configured = new Map((await session.site().targets.configured()).map((one) => [one.target, one.place]))
  const placeOf = (target: TargetName): Place =>
    configured.get(target) ??
    (server === null
      ? defaultPlace(state, target)
      : misuse(
          `${target}: ${server} is not configured for it; it is for ${[...configured.keys()].join(', ') || 'none'}`,
        ))
  const chosen = named.length > 0 ? new Set(named) : configured.keys()
  const places = [...chosen].map((target) => {
    const place = placeOf(target)
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

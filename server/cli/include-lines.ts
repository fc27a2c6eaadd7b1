// What a site's own configuration must have, so that its daemon reads what is generated (docs/how-to/existing-daemons.md).
import type { TargetName } from '../render/targets.ts'
import { publishedFolder } from '../serve/generate.ts'
import type { Outcome } from '../manage/outcomes.ts'

/** @param published the folder that the daemon reads from */
export function includeLines(target: TargetName, published: string): readonly string[] {
  switch (target) {
    case 'isc':
      return [`include "${published}/bootstead.conf";`]
    case 'kea':
      return [
        `"client-classes": [ <?include "${published}/client-classes.json"?> ],`,
        '"early-global-reservations-lookup": true,',
        `"subnet4": [ <?include "${published}/subnets.json"?> ],`,
        `"reservations": [ <?include "${published}/reservations.json"?> ]`,
      ]
    case 'dnsmasq':
      return [`conf-file=${published}/bootstead.conf`]
    case 'tftpboot':
      return []
    default:
      return target satisfies never
  }
}

/** After the first publication into a folder, and as long as the main file that is checked includes nothing of ours. */
export function includeHints(outcome: Outcome): readonly string[] {
  if (outcome.kind !== 'generated' || outcome.publication.kind !== 'published') return []
  const { target, place, publication } = outcome
  const published = publishedFolder(target, place)
  const isFirst = publication.generation === 1
  if (target === 'tftpboot') return isFirst ? [`make ${published} the root of the TFTP daemon`] : []
  const isDue = outcome.isIncluded === null ? isFirst : !outcome.isIncluded
  const head =
    place.main === null
      ? 'the daemon reads these files when its own configuration has'
      : `${place.main} includes none of these files, so they were not checked and are not read; it is to have`
  return isDue ? [head, ...includeLines(target, published).map((line) => `    ${line}`)] : []
}

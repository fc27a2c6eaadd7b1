// What generating would change on disk, said once for all machines and files that change alike.
import { noSecret } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { checkers } from '../render/daemons/check.ts'
import type { FileChange, Side } from '../render/diff.ts'
import { groupChanges } from '../render/diff.ts'
import { ownWords } from '../render/rendition.ts'
import type { DaemonName, TargetName } from '../render/targets.ts'
import type { Way } from '../manage/ways.ts'
import { gatherWays } from '../manage/ways.ts'

type OpenDiff = Readonly<{
  add: (change: FileChange) => void
  ways: () => readonly Way[]
}>

/** @param before the inventory that the files on disk were made from; asked when a change is added */
export function openDiff(target: TargetName, before: () => Snapshot, after: Snapshot): OpenDiff {
  const grouping = groupChanges((hostname) => ownWords(before(), after)(hostname))
  return {
    add: (change) => grouping.add(target === 'tftpboot' ? withoutTokens(after, change) : withoutShare(target, change)),
    ways: () => gatherWays(grouping.groups()),
  }
}

/** Nobody's business, and another one for each machine. What is on disk may have one that the inventory has forgotten. */
function withoutTokens({ tokens }: Snapshot, change: FileChange): FileChange {
  return withTexts(change, (text, machine) =>
    (machine === null ? [] : (tokens.get(machine) ?? []))
      .reduce((hiding, { secret }) => hiding.replaceAll(secret, noSecret), text)
      .replaceAll(/(?<=\btoken=)[\w-]+/g, noSecret),
  )
}

/** Daemons' files hold shares of a network's machines, and one share is as good as another: SHARE stands for `farm-1f`. */
function withoutShare(daemon: DaemonName, change: FileChange): FileChange {
  const place = checkers[daemon].renderer.shares.find(({ folder }) => change.path.startsWith(`${folder}/`))
  if (place === undefined) return change
  const { folder, ending } = place
  const share = change.path.slice(folder.length + 1, change.path.length - ending.length)
  return withTexts({ ...change, path: `${folder}/SHARE${ending}` }, (text) => text.replaceAll(share, 'SHARE'))
}

function withTexts(change: FileChange, edit: (text: string, machine: string | null) => string): FileChange {
  const sideOf = (side: Side): Side =>
    typeof side === 'string' ? side : side.map(({ machine, text }) => ({ machine, text: edit(text, machine) }))
  return { ...change, before: sideOf(change.before), after: sideOf(change.after) }
}

// The site whose database is at hand.
import { allFindings, findings } from '../inventory/findings.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { selectMachines } from '../inventory/select.ts'
import type { Store } from '../inventory/store/open.ts'
import { readChanges, readConsoles } from '../inventory/store/read.ts'
import { armNamed } from '../manage/arming.ts'
import { listArtefacts, showArtefact, whyServedNothing } from '../manage/artefacts.ts'
import { editsInTurn } from '../manage/asked-edits.ts'
import { setBootOf } from '../manage/boot-actions.ts'
import { changedBy, decisionOf } from '../manage/changed.ts'
import type { Desk } from '../manage/desk.ts'
import { waysBetween } from '../manage/diff.ts'
import { applyDocuments, exportDocuments, importedBy } from '../manage/documents.ts'
import { applyEdits } from '../manage/edits.ts'
import { explain } from '../manage/explain.ts'
import { describeError } from '../manage/failure.ts'
import { toldChange } from '../manage/history.ts'
import { machineAsAWhole, readStates } from '../manage/machine.ts'
import { machineLines } from '../manage/machine-lines.ts'
import { editsBackTo, readPicture } from '../manage/revisions.ts'
import { chosenName, chosenNames } from '../manage/selection.ts'
import { foundRow, machinesWith, tableRows } from '../manage/stored-rows.ts'
import { readMerged, readTimeline } from '../manage/timeline.ts'
import { watchedMachines } from '../manage/watched.ts'
import { readSeen } from '../serve/dhcp/seen-file.ts'
import { fail } from './failure.ts'
import { peopleHere } from './people-here.ts'
import type { Session } from './session.ts'
import type { EventsHad, Site } from './site.ts'
import { targetsHere } from './targets-here.ts'

export function siteHere(session: Session): Site {
  const { desk, loadSnapshot, store } = session
  /** The desk, and the inventory as it is now. */
  const now = async (must?: 'be current'): Promise<readonly [Desk, Snapshot]> => [
    await desk(),
    await loadSnapshot(must),
  ]
  return {
    machines: async (words) => machineLines(...(await now()), words),
    machine: async (name) => {
      const [own, snapshot] = await now()
      return machineAsAWhole(own, snapshot, chosenName(snapshot, name))
    },
    explain: async (target, options) => explain(...(await now()), target, options),
    artefacts: async (name) => {
      const [own, snapshot] = await now()
      const hostname = chosenName(snapshot, name)
      return {
        hostname,
        items: listArtefacts(own, snapshot, hostname),
        nothing: whyServedNothing(own, snapshot, hostname),
      }
    },
    artefact: async (name, wanted) => {
      const [own, snapshot] = await now()
      const hostname = chosenName(snapshot, name)
      return { hostname, ...showArtefact(own, snapshot, hostname, wanted) }
    },
    findings: async (words) => {
      const [{ known }, snapshot] = await now()
      if (words.length === 0) return [...allFindings(snapshot, known)]
      return (await chosenNames(snapshot, words)).flatMap((hostname) => findings(snapshot, hostname, known))
    },
    rows: async (table) => tableRows(await loadSnapshot(), table),
    row: async (table, name) => {
      const snapshot = await loadSnapshot()
      return { row: foundRow(snapshot, table, name), machines: machinesWith(snapshot, table, name) }
    },
    seen: () => readSeen(session.config().state).catch((error: unknown) => fail(describeError(error))),
    log: async ({ limit, machine }) =>
      (await readChanges(await store(), { limit, ...(machine === null ? {} : { machine }) })).map(toldChange),
    diff: async (before, after) => {
      const [own, today] = await now()
      const [old, later] = [await readPicture(own, today, before), await readPicture(own, today, after)]
      return { before: old.revision, after: later.revision, ways: await waysBetween(own, old, later) }
    },
    export: async (options) => exportDocuments(await loadSnapshot(), options),

    timeline: async (hostname, options) => readTimeline(await desk(), () => loadSnapshot(), hostname, options),
    follow: async function* (names, had, stop) {
      yield* eventsOf(session, await store(), names, had, stop)
    },
    watch: async (words) => {
      const [own, snapshot] = await now()
      const machines = watchedMachines(snapshot, selectMachines(snapshot, words))
      const names = machines.map(({ hostname }) => hostname)
      return { machines, look: () => readStates(own, snapshot, names) }
    },
    consoles: async (names) => readConsoles(await store(), names),

    change: async (edits, options) => {
      const [own, snapshot] = await now()
      return decisionOf(await applyEdits(own, snapshot, await editsInTurn(own, snapshot, edits), options), changedBy)
    },
    revert: async (to, options) => {
      const [own, snapshot] = await now()
      const { revision, edits, unreadable } = await editsBackTo(own, snapshot, to)
      return decisionOf(await applyEdits(own, snapshot, edits, options), (review, dryRun) => ({
        ...changedBy(review, dryRun),
        revision,
        unreadable,
      }))
    },
    import: async (documents, options) =>
      decisionOf(await applyDocuments(...(await now()), documents, options), importedBy),
    arm: async (words, options) => armNamed(...(await now('be current')), words, options),
    setBoot: async (words, action) => setBootOf(...(await now()), words, action),

    targets: targetsHere(session),
    people: peopleHere(session),
  }
}

const pollMs = 1000
/** Events within a second: of more, the newest. Who goes on is to have had so many. */
export const mostNew = 500

async function* eventsOf({ io }: Session, store: Store, names: readonly string[], had: EventsHad, stop: AbortSignal) {
  let known = new Set(had.events.map(({ id }) => id))
  for (;;) {
    await io.wait(pollMs, stop)
    if (stop.aborted) return
    const newest = await readMerged(store, names, mostNew)
    yield* newest.filter(({ id }) => !known.has(id))
    known = new Set(newest.map(({ id }) => id))
  }
}

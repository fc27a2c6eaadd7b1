// `bootstead diff`: what two revisions of the inventory tell the machines, and where it differs, said once for all alike.
import type { Command } from 'commander'
import type { Snapshot } from '../inventory/snapshot.ts'
import { compareNaturally } from '../inventory/snapshot.ts'
import { readChangesSince } from '../inventory/store/history.ts'
import { machinesTouched } from '../inventory/touched.ts'
import { groupChanges } from '../render/diff.ts'
import type { RenderContext } from '../render/catalogue.ts'
import type { Told } from '../render/rendition.ts'
import { ownWords, renditionsOf } from '../render/rendition.ts'
import { templateEngine } from '../render/templates.ts'
import type { Past } from './revision.ts'
import { loadPast, revisionHelp } from './revision.ts'
import type { Session } from './session.ts'
import { count } from './table.ts'
import type { Way } from './ways.ts'
import { describeWays, gatherWays } from './ways.ts'

export function registerDiff(program: Command, session: Session): void {
  program
    .command('diff')
    .description(
      'what machines are told at two revisions of the inventory, and where it differs: menus, DHCP, kickstarts, guests',
    )
    .argument('<before>', revisionHelp)
    .argument('[after]', 'another (else now)')
    .option('--json', 'as JSON')
    .action(async (before: string, after: string | undefined, { json }: Readonly<{ json?: boolean }>) => {
      const today = await session.loadSnapshot()
      const [old, now] = [await loadPast(session, today, before), await loadPast(session, today, after ?? 'now')]
      const touched = await touchedBetween(session, old, now)
      const ways = waysOf(session, old, now, touched)
      if (json === true) return session.printJson({ before: old.revision, after: now.revision, ways })
      session.print(describe(old.revision, now.revision, ways))
    })
}

async function touchedBetween(session: Session, old: Past, now: Past): Promise<readonly string[]> {
  const rows = await readChangesSince(await session.store(), Math.min(old.revision, now.revision))
  return [...machinesTouched(old.snapshot, now.snapshot, rows)].sort(compareNaturally)
}

/** Templates are today's on both sides: what differs is the inventory's doing. */
function waysOf(session: Session, old: Past, now: Past, touched: readonly string[]): readonly Way[] {
  const engine = templateEngine(session.templates())
  const contextOf = (snapshot: Snapshot): RenderContext => ({
    snapshot,
    server: session.server(),
    known: session.known(),
    now: now.now, // one clock for both, or an armed machine's expired token would look like a change of the inventory
    engine,
  })
  const [before, after] = [old, now].map(({ snapshot }) => renditionsOf(contextOf(snapshot), touched))
  const grouping = groupChanges(ownWords(old.snapshot, now.snapshot))
  for (const hostname of touched) {
    const [was, is] = [byPath(before?.(hostname) ?? []), byPath(after?.(hostname) ?? [])]
    for (const path of new Set([...was.keys(), ...is.keys()]))
      grouping.add({ path, before: sideOf(was.get(path)), after: sideOf(is.get(path)) })
  }
  return gatherWays(grouping.groups())
}

const byPath = (texts: readonly Told[]): ReadonlyMap<string, Told> => new Map(texts.map((told) => [told.path, told]))

const sideOf = (told: Told | undefined) =>
  told === undefined ? 'absent' : [{ machine: told.machine, text: told.text }]

function describe(before: number, after: number, ways: readonly Way[]): string {
  const head = `revision ${before} → ${after}: `
  if (ways.length === 0) return `${head}no machine is told anything else`
  const machines = ways.reduce((sum, way) => sum + way.machines.length, 0)
  const changes = `${count(machines, 'machine')} ${machines === 1 ? 'changes' : 'change'}`
  return `${head}${changes} in ${count(ways.length, 'way')}\n\n${describeWays(ways)}`
}

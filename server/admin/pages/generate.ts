// Files for other daemons of this host: what would change, written after a look, and brought back.
import type { Snapshot } from '../../inventory/snapshot.ts'
import type { Desk } from '../../manage/desk.ts'
import { pictureOf } from '../../manage/desk.ts'
import type { Outcome } from '../../manage/outcomes.ts'
import { attempt } from '../../manage/outcomes.ts'
import { Refused } from '../../manage/failure.ts'
import { fingerprintOf } from '../../manage/decided.ts'
import type { ChosenTarget } from '../../manage/targets.ts'
import { generateOne, lookAt, pastOf } from '../../manage/targets.ts'
import type { TargetName } from '../../render/targets.ts'
import type { Generation } from '../../serve/disk/manifest.ts'
import { listGenerations } from '../../serve/disk/rollback.ts'
import { diskTarget } from '../../serve/generate.ts'
import { rollBackTarget } from '../../serve/rollback.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import { HttpRefusal } from '../refusal.ts'
import { mayAs } from '../roles.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf, queryOf } from '../route.ts'
import { fieldsOf } from './machine-query.ts'
import type { OutcomeView } from './target-view.ts'
import { outcomeView } from './target-view.ts'

export const generateRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/generate', role: 'viewer', handle: (visit) => listTargets(admin, visit) },
  { method: 'get', path: '/generate/:target', role: 'operator', handle: (visit) => lookAtTarget(admin, visit) },
  { method: 'post', path: '/generate/:target', role: 'operator', handle: (visit) => generateTarget(admin, visit) },
  { method: 'get', path: '/generate/:target/rollback', role: 'operator', handle: (visit) => askRollback(admin, visit) },
  { method: 'post', path: '/generate/:target/rollback', role: 'operator', handle: (visit) => rollBack(admin, visit) },
]

type Listed = Readonly<{ name: TargetName; folder: string; generations: readonly Generation[]; why: string }>

async function listTargets(admin: Admin, visit: Visit): Promise<void> {
  const targets: Listed[] = []
  for (const [name, place] of admin.desk(visit.by.who).targets)
    targets.push({ name, folder: place.folder, ...(await generationsOf({ target: name, place })) })
  visit.page('generate.html', { targets, mayChange: mayAs(visit.actor.role, 'operator') })
}

/** A folder that can't be read keeps no other target from being listed. */
async function generationsOf({ target, place }: ChosenTarget): Promise<Pick<Listed, 'generations' | 'why'>> {
  try {
    return { generations: await listGenerations(diskTarget(target, place)), why: '' }
  } catch (error) {
    return { generations: [], why: error instanceof Error ? error.message : String(error) }
  }
}

/** @throws HttpRefusal 404 */
function chosenTarget({ targets }: Desk, { request }: Visit): ChosenTarget {
  const { target: name = '' } = request.params as Readonly<Record<string, string>>
  const place = targets.get(name as TargetName)
  if (place === undefined) throw new HttpRefusal(404, `${name} is no target that this server is configured for`)
  return { target: name as TargetName, place }
}

const optionsOf = (desk: Desk, snapshot: Snapshot, adopted: readonly string[]) => ({
  past: pastOf(desk.store, snapshot),
  verify: true,
  isTold: true,
  adopt: new Set(adopted),
})

const lookNow = (desk: Desk, snapshot: Snapshot, one: ChosenTarget, adopted: readonly string[]): Promise<Outcome> =>
  attempt(one, async () => lookAt(one, await pictureOf(desk, snapshot), optionsOf(desk, snapshot, adopted), true))

async function lookAtTarget(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const one = chosenTarget(desk, visit)
  const snapshot = await apiOf(admin).snapshot()
  const adopted = fieldsOf(visit.request.query, 'adopt')
  showLook(visit, one, await lookNow(desk, snapshot, one, adopted), adopted, '')
}

function showLook(visit: Visit, one: ChosenTarget, outcome: Outcome, adopted: readonly string[], fault: string): void {
  const view = outcomeView(outcome)
  visit.page(
    'generate-look.html',
    {
      ...{ name: one.target, folder: one.place.folder, outcome: view, adopted, fault },
      isChecked: one.place.check,
      isTold: one.place.reload !== null || one.place.restart !== null || one.place.controlSocket !== null,
      seen: seenIn(outcome),
      mayGenerate: outcome.kind === 'compared',
    },
    fault === '' ? 200 : 409,
  )
}

/** Of what would change; '' when that could not be told. */
function seenIn(outcome: Outcome): string {
  if (outcome.kind !== 'compared') return ''
  const { written, removed, ways, conflicts } = outcome
  return fingerprintOf([written, removed, ways, conflicts.map(({ path }) => path)])
}

/** What was seen is written, or nothing: it is looked at again before. */
async function generateTarget(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const one = chosenTarget(desk, visit)
  const adopted = fieldsOf(visit.request.body, 'adopt')
  const snapshot = await apiOf(admin).current()
  const looked = await lookNow(desk, snapshot, one, adopted)
  const isDecided = fieldOf(visit.request, 'act') === 'do' && looked.kind === 'compared'
  if (!isDecided) return showLook(visit, one, looked, adopted, '')
  if (seenIn(looked) !== fieldOf(visit.request, 'seen')) return showLook(visit, one, looked, adopted, elsewise)
  const outcome = await attempt(one, async () =>
    generateOne(one, await pictureOf(desk, snapshot), optionsOf(desk, snapshot, adopted)),
  )
  await showDone(visit, one, outcomeView(outcome), 'Generated')
}

const elsewise = 'Nothing was generated: it is no longer what you saw. Below is what would be written now; decide anew.'

async function showDone(visit: Visit, one: ChosenTarget, outcome: OutcomeView, title: string): Promise<void> {
  const { target: name, place } = one
  const view = { name, folder: place.folder, outcome, title, ...(await generationsOf(one)) }
  visit.page('generate-done.html', view, outcome.tone === 'bad' ? 422 : 200)
}

async function askRollback(admin: Admin, visit: Visit): Promise<void> {
  const one = chosenTarget(admin.desk(visit.by.who), visit)
  const { generations } = await generationsOf(one)
  const generation = generations.find(({ id }) => id === Number(queryOf(visit.request, 'to')))
  const [newest] = generations
  if (generation === undefined || newest === undefined)
    throw new Refused(`${one.target} has no such generation; the list of targets has those that are kept`)
  visit.page('generate-rollback.html', { name: one.target, folder: one.place.folder, generation, newest })
}

async function rollBack(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const one = chosenTarget(desk, visit)
  const to = Number(fieldOf(visit.request, 'to'))
  if (!Number.isInteger(to) || to <= 0) throw new Refused('choose the generation that is to come back')
  const { generations } = await generationsOf(one)
  // Somebody may have published since: what goes is what was seen to go.
  if (generations[0]?.id !== Number(fieldOf(visit.request, 'newest')))
    throw new Refused(`${one.target} has another generation now than the one that you saw; look again`)
  const outcome = await attempt(one, async () => {
    const options = { now: new Date(desk.now()), isTold: true, adopt: new Set<string>() }
    const { rollback, reload } = await rollBackTarget(one.target, one.place, to, options)
    if (rollback.kind === 'impossible') throw new Refused(rollback.why)
    return { ...one, kind: 'rolled back', publication: rollback, reload }
  })
  await showDone(visit, one, outcomeView(outcome), `Generation ${to} brought back`)
}

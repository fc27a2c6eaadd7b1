// What many machines do next: an install, whose disks are named before they are erased; or the disk, a rescue system, a
// memory test, nothing.
import { bootActions } from '../../inventory/rows.ts'
import type { Machine } from '../../inventory/rows.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { recordBootAction } from '../../inventory/store/record.ts'
import { Outdated } from '../../inventory/store/versions.ts'
import type { Armed, Arming } from '../../manage/arming.ts'
import { armMachines } from '../../manage/arming.ts'
import { changedSince, fingerprintOf, versionsOf } from '../../manage/decided.ts'
import type { Desk } from '../../manage/desk.ts'
import { Refused } from '../../manage/failure.ts'
import { groupBy, storiesOf } from '../../manage/groups.ts'
import { foldNames } from '../../manage/names.ts'
import type { GuestChoice } from '../../plan/guests-along.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import type { Route, Visit } from '../route.ts'
import { fieldOf, queryOf } from '../route.ts'
import { meanwhile } from './bulk-edit.ts'
import { reasonOf } from './change-view.ts'
import type { Choice } from './choice.ts'
import { mostChoiceBytes, readChoice, wayBack } from './choice.ts'

export const bulkBootRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/bulk/arm', role: 'operator', handle: (visit) => arm(admin, visit) },
  {
    method: 'post',
    path: '/bulk/arm',
    role: 'operator',
    mostBytes: mostChoiceBytes,
    handle: (visit) => arm(admin, visit),
  },
  { method: 'get', path: '/bulk/boot', role: 'operator', handle: (visit) => askBoot(admin, visit) },
  {
    method: 'post',
    path: '/bulk/boot',
    role: 'operator',
    mostBytes: mostChoiceBytes,
    handle: (visit) => setBoot(admin, visit),
  },
]

const guestChoices: readonly Readonly<{ value: GuestChoice; label: string }>[] = [
  { value: 'new', label: 'new guests of a new Dom0' },
  { value: 'all', label: 'all their guests: the guests’ disks are erased too' },
  { value: 'none', label: 'none' },
]

async function arm(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const { request } = visit
  const snapshot = await apiOf(admin).current()
  const choice = await readChoice(desk, snapshot, visit)
  refuseUnreadable(snapshot, choice)
  const machines = choice.names.flatMap((name) => snapshot.machines.get(name) ?? [])
  const guests = guestChoices.find(({ value }) => value === fieldOf(request, 'guests'))?.value ?? 'new'
  const hoursGiven = fieldOf(request, 'hours').trim()
  const hours = hoursGiven === '' ? null : Number(hoursGiven)
  const isWrong = hours !== null && !(hours > 0 && hours <= 8760)
  const options = { guests, hours: isWrong ? null : hours }
  const looked = await armMachines(desk, snapshot, machines, { ...options, dryRun: true })
  const armings = looked.kind === 'armed' ? looked.armings : []
  const rows = armings.map(({ hostname: key }) => ({ table: 'machines', key }) as const)
  const expected = await versionsOf(desk, snapshot, rows)
  // With the versions: what was armed since is no longer what was seen, and is not armed twice by one decision.
  const seen = fingerprintOf([armings, expected])
  const show = (fault: string, status = fault === '' ? 200 : 422): void => {
    const form = { choice, guests, guestChoices, hours: hoursGiven, seen, fault, way: wayBack(visit, choice) }
    visit.page('bulk-arm.html', { ...armView(desk, snapshot, looked), ...form }, status)
  }
  if (isWrong) return show('How long an install may wait is a number of hours, 8760 at most.')
  if (request.method === 'GET' || fieldOf(request, 'act') !== 'do' || looked.kind === 'refused') return show('')
  if (fieldOf(request, 'sure') !== '1') return show('Nothing is armed: tick that these disks may be erased.')
  if (fieldOf(request, 'seen') !== seen)
    return show(meanwhile(await changedSince(desk, choice.names, Number(fieldOf(request, 'revision')))), 409)
  try {
    const armed = await armMachines(desk, snapshot, machines, { ...options, expected })
    if (armed.kind === 'refused') return show('Nothing is armed.')
  } catch (error) {
    if (error instanceof Outdated) return show(meanwhile(error.message), 409)
    return show(reasonOf(error))
  }
  await admin.live.catchUp()
  const { back, href } = wayBack(visit, choice)
  visit.response.redirect(303, back === '' ? '/machines?done=armed&state=armed' : `${href}?done=armed`)
}

/** @throws Refused naming them */
function refuseUnreadable(snapshot: Snapshot, { names }: Choice): void {
  const unreadable = names.filter((name) => !snapshot.machines.has(name))
  if (unreadable.length > 0) throw new Refused(`the rows of ${foldNames(unreadable)} can't be read; mend them first`)
}

function armView(desk: Desk, snapshot: Snapshot, looked: Armed) {
  const names = (machines: readonly Machine[]): string => foldNames(machines.map(({ hostname }) => hostname))
  const { along, left } = looked.toArm
  const common = {
    along: names(along),
    left: names(left),
    revision: snapshot.revision,
    defaultHours: desk.installHours,
  }
  if (looked.kind === 'refused')
    return {
      ...common,
      ...{ armings: [], count: 0 },
      refusals: storiesOf(looked.refusals.map(({ hostname, why }) => [hostname, why] as const)),
    }
  return {
    ...common,
    armings: groupedArmings(looked.armings),
    refusals: [],
    count: looked.armings.length,
  }
}

/** Machines whose install is the same and erases the same, together. */
const groupedArmings = (armings: readonly Arming[]) =>
  [
    ...groupBy(armings, ({ release, image, dom0, vdisk, disk }) =>
      [release, image, erased({ dom0, vdisk, disk })].join('\n'),
    ),
  ].map(([, own]) => ({
    folded: foldNames(own.map(({ hostname }) => hostname)),
    count: own.length,
    release: own[0]?.release ?? '',
    image: own[0]?.image ?? '',
    erased: own[0] === undefined ? '' : erased(own[0]),
  }))

/** `sda`; of a guest, its Dom0's device and what the guest calls it. */
const erased = ({ dom0, vdisk, disk }: Pick<Arming, 'dom0' | 'vdisk' | 'disk'>): string =>
  dom0 === null ? disk : `${vdisk ?? ''} of ${dom0} (${disk} inside the guest)`

const others = bootActions.filter((action) => action !== 'install')
const bootWords: Readonly<Record<(typeof others)[number], string>> = {
  local: 'boot their disks; takes back an install that was armed and has not begun',
  rescue: 'a rescue system',
  memtest: 'a memory test',
  hold: 'wait in the boot menu, and boot nothing',
}

async function askBoot(admin: Admin, visit: Visit): Promise<void> {
  const snapshot = await apiOf(admin).snapshot()
  showBoot(visit, snapshot, await readChoice(admin.desk(visit.by.who), snapshot, visit), '')
}

function showBoot(visit: Visit, snapshot: Snapshot, choice: Choice, fault: string): void {
  const rows = choice.names.map((name) => snapshot.machines.get(name)?.boot ?? 'local')
  const now = [...groupBy(rows, (boot) => boot)].map(([boot, own]) => `${boot} (${own.length})`).join(', ')
  const actions = others.map((value) => ({ value, label: bootWords[value] }))
  const way = wayBack(visit, choice)
  visit.page(
    'bulk-boot.html',
    { choice, now, actions, fault, way, chosen: queryOf(visit.request, 'boot') },
    fault === '' ? 200 : 422,
  )
}

async function setBoot(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const snapshot = await apiOf(admin).current()
  const choice = await readChoice(desk, snapshot, visit)
  const action = others.find((one) => one === fieldOf(visit.request, 'boot'))
  if (action === undefined) return showBoot(visit, snapshot, choice, 'Choose what the machines do next.')
  refuseUnreadable(snapshot, choice)
  try {
    await recordBootAction(desk.store, choice.names, action, { who: desk.who, now: desk.now() })
  } catch (error) {
    return showBoot(visit, snapshot, choice, reasonOf(error))
  }
  await admin.live.catchUp()
  visit.response.redirect(303, `${wayBack(visit, choice).href}?done=boot`)
}

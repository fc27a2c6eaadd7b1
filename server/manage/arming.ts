// Whether machines may be armed, and what their installs will erase.
import { findings } from '../inventory/findings.ts'
import type { Image, Machine } from '../inventory/rows.ts'
import { selectingMachines } from '../inventory/select.ts'
import { inSlices, turnTaking } from '../inventory/slices.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { readEverInstalled } from '../inventory/store/read.ts'
import { isoTime, recordArming } from '../inventory/store/record.ts'
import type { Expected } from '../inventory/store/versions.ts'
import type { GuestChoice, ToArm } from '../plan/guests-along.ts'
import { guestsOf, machinesToArm } from '../plan/guests-along.ts'
import { installObstacle } from '../plan/install.ts'
import type { Settings } from '../plan/settings.ts'
import { settingsOf } from '../plan/settings.ts'
import type { CheckedFiles } from '../serve/images/verify.ts'
import { verifyImage } from '../serve/images/verify.ts'
import type { Desk } from './desk.ts'
import { describeError, Refused } from './failure.ts'
import { describeFinding } from './finding-text.ts'

export type Arming = Readonly<{
  hostname: string
  profile: string
  /** `el 9.4 x86_64`. */
  release: string
  image: string
  /** What the machine itself calls the disk that is erased. */
  disk: string
  dom0: string | null
  /** The Dom0's devices behind a guest's disks. */
  vdisk: string | null
}>

export type Refusal = Readonly<{ hostname: string; why: string }>

export type ArmOptions = Readonly<{
  guests: GuestChoice
  /** How long the install may wait for its machine; null: as long as the site says. */
  hours: number | null
  /** Everything is checked, and nothing armed. */
  dryRun?: boolean
  expected?: readonly Expected[]
}>

/** All were armed (with `dryRun`: would be) for one install each, or none was. */
export type Armed =
  | Readonly<{ kind: 'armed'; toArm: ToArm; armings: readonly Arming[]; expiresAt: number }>
  | Readonly<{ kind: 'refused'; toArm: ToArm; refusals: readonly Refusal[] }>

/** @param snapshot current: a picture of yesterday may lack a disk that is erased */
export async function armMachines(
  desk: Desk,
  snapshot: Snapshot,
  named: readonly Machine[],
  { guests, hours, dryRun = false, expected = [] }: ArmOptions,
): Promise<Armed> {
  const { store, who } = desk
  const family = named.flatMap((machine) => [machine, ...guestsOf(snapshot, machine)])
  const reported = await readEverInstalled(store, [...new Set(family.map(({ hostname }) => hostname))])
  const toArm = machinesToArm(snapshot, named, guests, reported)
  const machines = [...toArm.asked, ...toArm.along]
  const { armings, refusals } = await checkArming(desk, snapshot, machines)
  if (refusals.length > 0) return { kind: 'refused', toArm, refusals }
  const now = desk.now()
  const expiresAt = now + (hours ?? desk.installHours) * 3_600_000
  const names = machines.map(({ hostname }) => hostname)
  if (!dryRun) await recordArming(store, names, { who, now, expiresAt, expected })
  return { kind: 'armed', toArm, armings, expiresAt }
}

/** The same as it is told to whoever asked for it. */
export type ArmingTold =
  | Readonly<{
      kind: 'armed'
      dryRun: boolean
      /** Until when the installs wait for their machines. */
      expiresAt: string
      armed: readonly Arming[]
      /** Guests that nobody named, of a new Dom0. */
      along: readonly string[]
      /** Guests of these Dom0s that stay as they are. */
      left: readonly string[]
    }>
  | Readonly<{ kind: 'refused'; refused: readonly Refusal[]; along: readonly string[] }>

/** @throws SelectorError, and Refused when nobody is named */
export async function armNamed(
  desk: Desk,
  snapshot: Snapshot,
  words: readonly string[],
  options: ArmOptions,
): Promise<ArmingTold> {
  const named = await inSlices(selectingMachines(snapshot, words))
  if (named.length === 0) throw new Refused('no machine matches; nothing was armed')
  const done = await armMachines(desk, snapshot, named, options)
  const along = namesOf(done.toArm.along)
  if (done.kind === 'refused') return { kind: 'refused', refused: done.refusals, along }
  return {
    kind: 'armed',
    dryRun: options.dryRun === true,
    expiresAt: isoTime(done.expiresAt),
    armed: done.armings,
    along,
    left: namesOf(done.toArm.left),
  }
}

const namesOf = (machines: readonly Machine[]): readonly string[] => machines.map(({ hostname }) => hostname)

/** Machines that may be armed, and every reason against the others. */
async function checkArming(
  { server, known, stateDir }: Desk,
  snapshot: Snapshot,
  machines: readonly Machine[],
): Promise<Readonly<{ armings: readonly Arming[]; refusals: readonly Refusal[] }>> {
  const armings: Arming[] = []
  const refusals: Refusal[] = []
  const imageProblems = imageChecker(stateDir)
  const turn = turnTaking()
  for (const machine of machines) {
    await turn()
    const { hostname } = machine
    const settings = settingsOf(snapshot, machine, server)
    const withheld = findings(snapshot, hostname, known).filter(({ severity }) => severity === 'withheld')
    const obstacle = withheld.length > 0 ? null : installObstacle({ snapshot, server, known }, settings)
    const image = settings.image.value
    const problems = [
      ...withheld.map((finding) => `withheld: ${describeFinding(finding)}`),
      ...(obstacle === null ? [] : [obstacle]),
      ...(image === null || withheld.length > 0 || obstacle !== null ? [] : await imageProblems(image)),
    ]
    refusals.push(...problems.map((why) => ({ hostname, why })))
    if (problems.length === 0) armings.push(armingOf(settings, image))
  }
  return { armings, refusals }
}

/** One look at each image, however many machines have it. */
function imageChecker(stateDir: string): (image: Image) => Promise<readonly string[]> {
  const checked: CheckedFiles = new Map()
  const known = new Map<string, Promise<readonly string[]>>()
  const check = async (image: Image): Promise<readonly string[]> => {
    try {
      return (await verifyImage(stateDir, image, checked)).map(({ message }) => message)
    } catch (error) {
      return [`image ${image.name} can't be checked: ${describeError(error)}`]
    }
  }
  return (image) => {
    const problems = known.get(image.name) ?? check(image)
    known.set(image.name, problems)
    return problems
  }
}

function armingOf({ machine, family, version, arch, disk }: Settings, image: Image | null): Arming {
  return {
    hostname: machine.hostname,
    profile: machine.profile,
    release: `${family.value ?? ''} ${version.value ?? ''} ${arch.value}`,
    image: image?.name ?? '',
    disk: disk.value ?? '',
    dom0: machine.dom0,
    vdisk: machine.vdisk,
  }
}

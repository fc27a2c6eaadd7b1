// Whether machines may be armed, and what their installs will erase.
import type { Known } from '../inventory/findings.ts'
import { findings } from '../inventory/findings.ts'
import type { Image, Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { installObstacle } from '../plan/install.ts'
import type { Server } from '../plan/server.ts'
import type { Settings } from '../plan/settings.ts'
import { settingsOf } from '../plan/settings.ts'
import type { CheckedFiles } from '../serve/images/verify.ts'
import { verifyImage } from '../serve/images/verify.ts'
import { describeError } from './failure.ts'
import { describeFinding } from './report.ts'

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

export type ArmingContext = Readonly<{ snapshot: Snapshot; server: Server; known: Known; stateDir: string }>

/** Machines that may be armed, and every reason against the others; a caller arms all or none. */
export async function checkArming(
  { snapshot, server, known, stateDir }: ArmingContext,
  machines: readonly Machine[],
): Promise<Readonly<{ armings: readonly Arming[]; refusals: readonly Refusal[] }>> {
  const armings: Arming[] = []
  const refusals: Refusal[] = []
  const imageProblems = imageChecker(stateDir)
  for (const machine of machines) {
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

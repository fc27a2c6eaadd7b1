// `bootstead install`, also `bootstead machine install`: arms machines for one install each, all of them or none.
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import { isoTime } from '../inventory/store/record.ts'
import type { ToArm } from '../plan/guests-along.ts'
import type { Arming, Refusal } from '../manage/arming.ts'
import { armMachines } from '../manage/arming.ts'
import { fail, misuse } from './failure.ts'
import { storiesOf } from '../manage/groups.ts'
import { foldNames } from '../manage/names.ts'
import { chosenMachines, selectorHelp, whereOption } from './selection.ts'
import type { Session } from './session.ts'
import { count } from './table.ts'
import { timeoutOption, watch } from './watch.ts'
import { watchedMachines } from './watch-board.ts'

type Options = Readonly<{
  where?: readonly string[]
  withGuests?: boolean
  /** False: --no-guests. */
  guests: boolean
  hours?: number
  dryRun?: boolean
  watch?: boolean
  timeout?: number
  json?: boolean
}>

export function registerInstall(parent: Command, session: Session): void {
  parent
    .command('install')
    .description('arm machines: their next network boot installs them, once; their disks are erased')
    .argument('[selector...]', selectorHelp)
    .addOption(whereOption())
    .option('--with-guests', 'the guests of each Dom0 too; else only new guests of a new Dom0')
    .option('--no-guests', 'no guests but those named, of a new Dom0 either')
    .option('--hours <number>', 'how long the install may wait for its machine (else install_hours)', parseHours)
    .option('--dry-run', 'check everything, name the disks, and arm nothing')
    .option('--watch', 'follow the installs until all are ready; exit code 1 if one is not')
    .addOption(timeoutOption())
    .option('--json', 'as JSON; with --watch one object a line, first what was armed, then each change')
    .action((words: readonly string[], options: Options) => install(session, words, options))
}

function parseHours(text: string): number {
  const hours = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text) || hours <= 0 || hours > 8760)
    throw new InvalidArgumentError('expected a number of hours, 8760 at most.')
  return hours
}

function refuseContradictions({ withGuests, guests, dryRun, watch, timeout }: Options): void {
  if (withGuests === true && !guests) misuse('--with-guests and --no-guests: give one of them')
  if (watch === true && dryRun === true) misuse('--dry-run arms nothing, so there is nothing to --watch')
  if (watch !== true && timeout !== undefined) misuse('--timeout is how long to --watch')
}

async function install(session: Session, words: readonly string[], options: Options): Promise<void> {
  refuseContradictions(options)
  const snapshot = await session.loadSnapshot('be current')
  const named = chosenMachines(snapshot, words, options.where)
  if (named.length === 0) fail('no machine matches; nothing was armed')
  const armed = await armMachines(await session.desk(), snapshot, named, {
    guests: options.withGuests === true ? 'all' : options.guests ? 'new' : 'none',
    hours: options.hours ?? null,
    dryRun: options.dryRun === true,
  })
  if (armed.kind === 'refused') refuse(session, armed.toArm, armed.refusals, options)
  tell(session, armed.toArm, armed.armings, armed.expiresAt, options)
  if (options.watch !== true) return
  const watched = watchedMachines(snapshot, [...armed.toArm.asked, ...armed.toArm.along]).filter(
    ({ isNamed }) => isNamed,
  ) // guests left out have no part in it
  await watch(session, snapshot, watched, options)
}

/** @throws Refused with every reason, and the ways out */
function refuse(session: Session, { along }: ToArm, refusals: readonly Refusal[], { json }: Options): never {
  if (json === true) session.printJson({ armed: [], refused: refusals })
  const refused = new Set(refusals.map(({ hostname }) => hostname))
  const unasked = along.filter(({ hostname }) => refused.has(hostname)).map(({ hostname }) => hostname)
  fail(
    'nothing was armed:',
    ...storiesOf(refusals.map(({ hostname, why }) => [hostname, why] as const)).map(
      ({ folded, text }) => `  ${folded}: ${text}`,
    ),
    ...(unasked.length === 0
      ? []
      : [
          `nobody named ${foldNames(unasked)}; they come along, as their Dom0 is new: mend what is wrong, or leave the guests out with --no-guests`,
        ]),
  )
}

function tell(
  session: Session,
  { along, left }: ToArm,
  armings: readonly Arming[],
  expiresAt: number,
  { dryRun = false, watch, json, guests }: Options,
): void {
  const cameAlong = new Set(along.map(({ hostname }) => hostname))
  if (json === true) {
    const told = { dryRun, expiresAt: isoTime(expiresAt), armed: armings, along: [...cameAlong], refused: [] }
    return watch === true ? session.print(JSON.stringify(told)) : session.printJson(told)
  }
  session.print(`${dryRun ? 'would be armed' : 'armed'} for one install until ${isoTime(expiresAt)}:`)
  session.print(describeArmings(armings.filter(({ hostname }) => !cameAlong.has(hostname))))
  if (along.length > 0) {
    const dom0s = foldNames(along.flatMap(({ dom0 }) => dom0 ?? []))
    session.print(
      `guests that come along, as no install of them or of ${dom0s} is known (--no-guests leaves them out):`,
    )
    session.print(describeArmings(armings.filter(({ hostname }) => cameAlong.has(hostname))))
  }
  // Reinstalling a Dom0 leaves its guests' disks alone, and so their install is another decision.
  if (left.length > 0 && guests)
    session.note(
      `${count(left.length, 'guest')} not armed: ${foldNames(left.map(({ hostname }) => hostname))}; --with-guests arms them too`,
    )
}

function describeArmings(armings: readonly Arming[]): string {
  const erased = armings.map(({ hostname, release, disk, dom0, vdisk }): readonly [string, string] => {
    const where = dom0 === null ? `disk ${disk}` : `${vdisk ?? ''} of ${dom0} (${disk} inside the guest)`
    return [hostname, `${release}, erasing ${where}`]
  })
  return storiesOf(erased)
    .map(({ folded, text }) => `  ${folded}: ${text}`)
    .join('\n')
}

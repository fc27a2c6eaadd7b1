// `bootstead install`, also `bootstead machine install`: arms machines for one install each, all of them or none.
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { Arming, ArmingTold } from '../manage/arming.ts'
import { fail, misuse } from './failure.ts'
import { storiesOf } from '../manage/groups.ts'
import { foldNames } from '../manage/names.ts'
import { checkedWords, selectorHelp, whereOption } from './selection.ts'
import type { Session } from './session.ts'
import { count } from './table.ts'
import { timeoutOption, watch } from './watch.ts'

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
  const armed = await session.site().arm(checkedWords(words, options.where), {
    guests: options.withGuests === true ? 'all' : options.guests ? 'new' : 'none',
    hours: options.hours ?? null,
    dryRun: options.dryRun === true,
  })
  if (armed.kind === 'refused') refuse(session, armed, options)
  tell(session, armed, options)
  if (options.watch !== true) return
  const watching = await session.site().watch(armed.armed.map(({ hostname }) => hostname))
  // Guests left out have no part in it.
  await watch(session, { ...watching, machines: watching.machines.filter(({ isNamed }) => isNamed) }, options)
}

type Told = Extract<ArmingTold, { kind: 'armed' }>

/** @throws Refused with every reason, and the ways out */
function refuse(
  session: Session,
  { refused, along }: Extract<ArmingTold, { kind: 'refused' }>,
  { json }: Options,
): never {
  if (json === true) session.printJson({ armed: [], refused })
  const names = new Set(refused.map(({ hostname }) => hostname))
  const unasked = along.filter((hostname) => names.has(hostname))
  fail(
    'nothing was armed:',
    ...storiesOf(refused.map(({ hostname, why }) => [hostname, why] as const)).map(
      ({ folded, text }) => `  ${folded}: ${text}`,
    ),
    ...(unasked.length === 0
      ? []
      : [
          `nobody named ${foldNames(unasked)}; they come along, as their Dom0 is new: mend what is wrong, or leave the guests out with --no-guests`,
        ]),
  )
}

function tell(session: Session, told: Told, { watch, json, guests }: Options): void {
  const { dryRun, expiresAt, armed, along, left } = told
  if (json === true) {
    const printed = { dryRun, expiresAt, armed, along, refused: [] }
    return watch === true ? session.print(JSON.stringify(printed)) : session.printJson(printed)
  }
  const isAlong = ({ hostname }: Arming): boolean => along.includes(hostname)
  session.print(`${dryRun ? 'would be armed' : 'armed'} for one install until ${expiresAt}:`)
  session.print(describeArmings(armed.filter((one) => !isAlong(one))))
  if (along.length > 0) {
    const dom0s = foldNames(armed.filter(isAlong).flatMap(({ dom0 }) => dom0 ?? []))
    session.print(
      `guests that come along, as no install of them or of ${dom0s} is known (--no-guests leaves them out):`,
    )
    session.print(describeArmings(armed.filter(isAlong)))
  }
  // Reinstalling a Dom0 leaves its guests' disks alone, and so their install is another decision.
  if (left.length > 0 && guests)
    session.note(`${count(left.length, 'guest')} not armed: ${foldNames(left)}; --with-guests arms them too`)
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

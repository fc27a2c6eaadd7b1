// `bootstead machine install`: arms machines for one install each, all of them or none.
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { compareNaturally } from '../inventory/snapshot.ts'
import { isoTime, recordArming } from '../inventory/store/record.ts'
import type { Arming, Refusal } from './arming.ts'
import { checkArming } from './arming.ts'
import { fail } from './failure.ts'
import { storiesOf } from './groups.ts'
import { foldNames } from './names.ts'
import { chosenMachines, selectorHelp, whereOption } from './selection.ts'
import type { Session } from './session.ts'
import { count } from './table.ts'

type Options = Readonly<{
  where?: readonly string[]
  withGuests?: boolean
  hours?: number
  dryRun?: boolean
  json?: boolean
}>

export function registerMachineInstall(group: Command, session: Session): void {
  group
    .command('install')
    .description('arm machines: their next network boot installs them, once; their disks are erased')
    .argument('[selector...]', selectorHelp)
    .addOption(whereOption())
    .option('--with-guests', 'the guests of each Dom0 too')
    .option('--hours <number>', 'how long the install may wait for its machine (else install_hours)', parseHours)
    .option('--dry-run', 'check everything, name the disks, and arm nothing')
    .option('--json', 'as JSON')
    .action((words: readonly string[], options: Options) => installMachines(session, words, options))
}

function parseHours(text: string): number {
  const hours = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text) || hours <= 0 || hours > 8760)
    throw new InvalidArgumentError('expected a number of hours, 8760 at most.')
  return hours
}

async function installMachines(session: Session, words: readonly string[], options: Options): Promise<void> {
  const snapshot = await session.loadSnapshot()
  const chosen = chosenMachines(snapshot, words, options.where)
  if (chosen.length === 0) fail('no machine matches; nothing was armed')
  const machines = options.withGuests === true ? withGuests(snapshot, chosen) : chosen
  const context = { snapshot, server: session.server(), known: session.known(), stateDir: session.config().state }
  const { armings, refusals } = await checkArming(context, machines)
  if (refusals.length > 0) {
    if (options.json === true) session.printJson({ armed: [], refused: refusals })
    fail('nothing was armed:', ...describeRefusals(refusals))
  }
  const now = session.io.now()
  const expiresAt = now + (options.hours ?? session.config().installHours) * 3_600_000
  if (options.dryRun !== true)
    await recordArming(
      await session.store(),
      armings.map(({ hostname }) => hostname),
      { who: session.who, now, expiresAt },
    )
  if (options.json === true)
    return session.printJson({
      dryRun: options.dryRun === true,
      expiresAt: isoTime(expiresAt),
      armed: armings,
      refused: [],
    })
  session.print(`${options.dryRun === true ? 'would be armed' : 'armed'} for one install until ${isoTime(expiresAt)}:`)
  session.print(describeArmings(armings))
  noteGuestsLeftOut(session, snapshot, machines)
}

function withGuests(snapshot: Snapshot, machines: readonly Machine[]): readonly Machine[] {
  const guests = machines.flatMap(({ hostname }) =>
    (snapshot.guests.get(hostname) ?? []).flatMap((guest) => snapshot.machines.get(guest) ?? []),
  )
  return [...new Set([...machines, ...guests])].sort((a, b) => compareNaturally(a.hostname, b.hostname))
}

function describeRefusals(refusals: readonly Refusal[]): readonly string[] {
  return storiesOf(refusals.map(({ hostname, why }) => [hostname, why] as const)).map(
    ({ folded, text }) => `  ${folded}: ${text}`,
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

/** Reinstalling a Dom0 leaves its guests' disks alone, and so their install is another decision. */
function noteGuestsLeftOut(session: Session, snapshot: Snapshot, machines: readonly Machine[]): void {
  const armed = new Set(machines.map(({ hostname }) => hostname))
  const left = machines
    .flatMap(({ hostname }) => snapshot.guests.get(hostname) ?? [])
    .filter((guest) => !armed.has(guest))
  if (left.length > 0)
    session.note(`${count(left.length, 'guest')} not armed: ${foldNames(left)}; --with-guests arms them too`)
}

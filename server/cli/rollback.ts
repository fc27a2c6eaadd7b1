// `bootstead rollback`: an earlier generation of what was generated, listed or brought back.
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { TargetName } from '../render/targets.ts'
import type { Generation } from '../serve/disk/manifest.ts'
import { adoptOption, pathIn } from './adopt.ts'
import { fail, misuse } from './failure.ts'
import type { Session } from './session.ts'
import { alignColumns } from './table.ts'
import type { ChosenTarget } from '../manage/targets.ts'
import { chosenTargets, outOption, targetArgument } from './target-choice.ts'
import type { Outcome } from '../manage/outcomes.ts'
import { detailLines, outcomeLines, troublesOf } from './target-report.ts'
import { outcomeAsJson } from '../manage/outcomes.ts'

type Options = Readonly<{
  to?: number
  list?: boolean
  out?: string
  adopt?: readonly string[]
  /** False: --no-check. */
  check: boolean
  /** False: --no-reload. */
  reload: boolean
  json?: boolean
}>

export function registerRollback(program: Command, session: Session): void {
  program
    .command('rollback')
    .description('bring back what was generated before, as a new generation; the inventory stays as it is')
    .addArgument(targetArgument())
    .option('--to <generation>', 'a number of --list (else the one before)', parseGeneration)
    .option('--list', 'list the generations that can be brought back, of all targets unless some are named')
    .addOption(outOption())
    .addOption(adoptOption())
    .option('--no-check', "leave out the daemon's own checker")
    .option('--no-reload', 'tell no daemon')
    .option('--json', 'as JSON')
    .action(async (named: readonly TargetName[], options: Options) => {
      const chosen = await chosenTargets(session, named, options)
      if (options.list === true) return list(session, chosen, options)
      const [one, another] = chosen
      if (one === undefined || another !== undefined)
        misuse(`one target at a time: name one of ${chosen.map(({ target }) => target).join(', ')}`)
      await rollBackOne(session, one, options)
    })
}

function parseGeneration(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('expected the number of a generation.')
  return Number(text)
}

async function rollBackOne(session: Session, one: ChosenTarget, options: Options): Promise<void> {
  const isTold = options.reload && options.out === undefined
  const adopt = new Set((options.adopt ?? []).map((file) => pathIn(one, file)))
  const outcome = await session.site().targets.rollBack(one, options.to ?? null, { adopt, isTold })
  if (options.json === true) session.printJson(outcomeAsJson(outcome))
  else tell(session, outcome)
  const troubles = troublesOf(outcome)
  if (troubles.length > 0) fail(...troubles)
}

function tell(session: Session, outcome: Outcome): void {
  session.print(outcomeLines([outcome])(outcome))
  for (const line of detailLines(outcome)) session.note(line)
  const { regenerate, server } = session.config()
  const next =
    regenerate === null && server === null ? 'the next generate' : 'the next generate, or change while the server runs,'
  session.note(
    `${next} brings what the inventory says again; bootstead revert takes the inventory back (bootstead log)`,
  )
}

async function list(session: Session, chosen: readonly ChosenTarget[], { json }: Options): Promise<void> {
  const listed = []
  for (const one of chosen) {
    const generations = await session.site().targets.generations(one)
    listed.push({ target: one.target, folder: one.place.folder, generations })
  }
  if (json === true) return session.printJson(listed)
  const rows = listed.flatMap(({ target, generations }) => generations.map((one) => [target, ...cellsOf(one)]))
  const header = ['target', 'generation', 'published', 'written', 'removed', 'restores', 'daemon told']
  session.print(alignColumns(header, rows))
  for (const { target, folder, generations } of listed)
    if (generations.length === 0) session.note(`${target}: nothing was published into ${folder} yet`)
}

const cellsOf = ({ id, at, written, removed, restores, reload }: Generation): readonly string[] => [
  String(id),
  at,
  String(written),
  String(removed),
  restores === null ? '' : String(restores),
  reload?.how ?? '',
]

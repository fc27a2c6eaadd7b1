// `bootstead generate`: the files of the daemons that this host runs, written from the inventory, and the daemons told.
import type { Command } from 'commander'
import { pictureOf } from '../manage/desk.ts'
import { generateOne, lookAt, pastOf } from '../manage/targets.ts'
import type { TargetName } from '../render/targets.ts'
import { adoptions, adoptOption } from './adopt.ts'
import { fail } from './failure.ts'
import { includeHints } from './include-lines.ts'
import type { Session } from './session.ts'
import { chosenTargets, outOption, targetArgument } from './target-choice.ts'
import type { Outcome } from '../manage/outcomes.ts'
import { detailLines, outcomeLines, troublesOf } from './target-report.ts'
import { attempt, outcomeAsJson } from '../manage/outcomes.ts'
import { describeWays } from './ways.ts'

type Options = Readonly<{
  /** False: --no-check, which is about the daemons' checkers. */
  check?: boolean
  diff?: boolean
  out?: string
  adopt?: readonly string[]
  /** False: --no-reload. */
  reload: boolean
  json?: boolean
}>

export function registerGenerate(program: Command, session: Session): void {
  program
    .command('generate')
    .description('write the files of the DHCP and TFTP daemons that this host runs, and have the daemons read them')
    .addArgument(targetArgument())
    .option('--check', 'write nothing; exit code 1 if anything would change or is in conflict')
    .option('--diff', 'the same, and show what would change')
    .addOption(outOption())
    .addOption(adoptOption())
    .option('--no-check', "leave out the daemons' own checkers")
    .option('--no-reload', 'tell no daemon')
    .option('--json', 'as JSON')
    .action((named: readonly TargetName[], options: Options) => generateTargets(session, named, options))
}

async function generateTargets(session: Session, named: readonly TargetName[], options: Options): Promise<void> {
  const chosen = chosenTargets(session, named, options)
  const isLook = options.check === true || options.diff === true
  const snapshot = await session.loadSnapshot(isLook ? undefined : 'be current')
  const desk = await session.desk()
  const picture = await pictureOf(desk, snapshot)
  const isTold = options.reload && options.out === undefined
  const common = { past: pastOf(desk.store, snapshot), verify: true, isTold }
  const adopted = await adoptions(chosen, options.adopt ?? [], picture, common)
  const lineOf = outcomeLines(chosen)
  const outcomes: Outcome[] = []
  for (const one of chosen) {
    const generateOptions = { ...common, adopt: adopted.get(one.target) ?? new Set() }
    const outcome = await attempt(one, () =>
      isLook
        ? lookAt(one, picture, generateOptions, options.diff === true)
        : generateOne(one, picture, generateOptions),
    )
    outcomes.push(outcome)
    if (options.json !== true) tell(session, outcome, lineOf)
  }
  if (options.json === true) session.printJson(outcomes.map(outcomeAsJson))
  const troubles = outcomes.flatMap(troublesOf)
  if (troubles.length > 0) fail(...troubles)
}

function tell(session: Session, outcome: Outcome, lineOf: (outcome: Outcome) => string): void {
  session.print(lineOf(outcome))
  if (outcome.kind === 'compared' && outcome.ways !== null && outcome.ways.length > 0)
    session.print(`\n${describeWays(outcome.ways)}\n`)
  for (const line of [...detailLines(outcome), ...includeHints(outcome).map((hint) => `${outcome.target}: ${hint}`)])
    session.note(line)
}

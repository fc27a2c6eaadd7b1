// `bootstead generate`: the files of the daemons that this host runs, written from the inventory, and the daemons told.
import type { Command } from 'commander'
import type { TargetName } from '../render/targets.ts'
import { adoptions, adoptOption } from './adopt.ts'
import { fail } from './failure.ts'
import type { Conflict } from '../serve/disk/judge.ts'
import { includeHints } from './include-lines.ts'
import type { Session } from './session.ts'
import { chosenTargets, outOption, targetArgument } from './target-choice.ts'
import type { Outcome } from '../manage/outcomes.ts'
import { detailLines, outcomeLines, troublesOf } from './target-report.ts'
import { outcomeAsJson } from '../manage/outcomes.ts'
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
  const chosen = await chosenTargets(session, named, options)
  const { targets } = session.site()
  const isLook = options.check === true || options.diff === true
  const isTold = options.reload && options.out === undefined
  const adopted = await adoptions(chosen, options.adopt ?? [], async (one) =>
    conflictsIn(await targets.look(one, false)),
  )
  const lineOf = outcomeLines(chosen)
  const outcomes: Outcome[] = []
  for (const one of chosen) {
    const adopt = adopted.get(one.target) ?? new Set()
    const outcome = isLook
      ? await targets.look(one, options.diff === true)
      : await targets.generate(one, { adopt, isTold })
    outcomes.push(outcome)
    if (options.json !== true) tell(session, outcome, lineOf)
  }
  if (options.json === true) session.printJson(outcomes.map(outcomeAsJson))
  const troubles = outcomes.flatMap(troublesOf)
  if (troubles.length > 0) fail(...troubles)
}

/** @throws Refused when there was no looking */
function conflictsIn(outcome: Outcome): readonly Conflict[] {
  if (outcome.kind === 'failed') fail(`${outcome.target}: ${outcome.why}`)
  return outcome.kind === 'compared' ? outcome.conflicts : []
}

function tell(session: Session, outcome: Outcome, lineOf: (outcome: Outcome) => string): void {
  session.print(lineOf(outcome))
  if (outcome.kind === 'compared' && outcome.ways !== null && outcome.ways.length > 0)
    session.print(`\n${describeWays(outcome.ways)}\n`)
  for (const line of [...detailLines(outcome), ...includeHints(outcome).map((hint) => `${outcome.target}: ${hint}`)])
    session.note(line)
}

// `bootstead generate`: the files of the daemons that this host runs, written from the inventory, and the daemons told.
import { join } from 'node:path'
import type { Command } from 'commander'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Past } from '../inventory/store/history.ts'
import { readPast } from '../inventory/store/history.ts'
import type { TargetName } from '../render/targets.ts'
import { templateEngine } from '../render/templates.ts'
import type { GenerateOptions, Picture } from '../serve/generate.ts'
import { compareTarget, generate } from '../serve/generate.ts'
import { storedLoaders } from '../serve/loaders.ts'
import { adoptions, adoptOption } from './adopt.ts'
import { fail } from './failure.ts'
import { openDiff } from './generate-diff.ts'
import { includeHints } from './include-lines.ts'
import type { Session } from './session.ts'
import type { ChosenTarget } from './target-choice.ts'
import { chosenTargets, outOption, targetArgument } from './target-choice.ts'
import type { Outcome } from './target-report.ts'
import { describeFailure, detailLines, outcomeAsJson, outcomeLines, troublesOf } from './target-report.ts'
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
  const picture = await pictureOf(session, snapshot)
  const isTold = options.reload && options.out === undefined
  const common = { past: pastOf(session, snapshot), verify: true, isTold }
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

/** One target's failure keeps none of the others back. */
async function attempt({ target, place }: ChosenTarget, work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work()
  } catch (error) {
    return { kind: 'failed', target, place, why: describeFailure(error) }
  }
}

async function generateOne({ target, place }: ChosenTarget, picture: Picture, options: GenerateOptions) {
  const generated = await generate(target, place, picture, options)
  return { kind: 'generated', ...generated } as const
}

async function lookAt(
  { target, place }: ChosenTarget,
  picture: Picture,
  options: GenerateOptions,
  isDiff: boolean,
): Promise<Outcome> {
  let before = picture.snapshot
  const past: GenerateOptions['past'] = async (basis) => {
    const found = await options.past(basis)
    before = found?.snapshot ?? before
    return found
  }
  const diff = isDiff ? openDiff(target, () => before, picture.snapshot) : null
  const compared = await compareTarget(target, place, picture, {
    ...options,
    past,
    ...(diff === null ? {} : { onChange: diff.add }),
  })
  return { kind: 'compared', ...compared, ways: diff?.ways() ?? null }
}

function tell(session: Session, outcome: Outcome, lineOf: (outcome: Outcome) => string): void {
  session.print(lineOf(outcome))
  if (outcome.kind === 'compared' && outcome.ways !== null && outcome.ways.length > 0)
    session.print(`\n${describeWays(outcome.ways)}\n`)
  for (const line of [...detailLines(outcome), ...includeHints(outcome).map((hint) => `${outcome.target}: ${hint}`)])
    session.note(line)
}

async function pictureOf(session: Session, snapshot: Snapshot): Promise<Picture> {
  const { state } = session.config()
  return {
    snapshot,
    inventory: (await session.store()).label,
    server: session.server(),
    known: session.known(),
    now: session.io.now(),
    engine: templateEngine(session.templates()),
    loaders: await storedLoaders(state),
    imagesFolder: join(state, 'images'),
  }
}

/** Targets that were made of one picture have one past, which is read once. */
function pastOf(session: Session, snapshot: Snapshot): GenerateOptions['past'] {
  const read = new Map<string, Promise<Past | null>>()
  return async (basis) => {
    const store = await session.store()
    const picture = JSON.stringify([basis.revision, basis.missing])
    const past = read.get(picture) ?? readPast(store, snapshot, basis)
    read.set(picture, past)
    return past
  }
}

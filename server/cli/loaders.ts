// `bootstead loaders …`: the programs that firmware fetches first, from the packages of this host.
import type { Command } from 'commander'
import type { LoaderOutcome } from '../serve/loaders.ts'
import { collectLoaders, readLoaders } from '../serve/loaders.ts'
import { fail } from './failure.ts'
import type { Session } from './session.ts'
import { alignColumns } from './table.ts'

export function registerLoaders(program: Command, session: Session): void {
  const group = program.command('loaders').description('collect and list the boot loaders')
  group
    .command('collect')
    .description("copy boot loaders from this host's packages into the state folder")
    .option('--download', 'fetch with apt what is not installed, without installing it')
    .option('--json', 'as JSON')
    .action(async ({ download, json }: { download?: boolean; json?: boolean }) => {
      const outcomes = await collectLoaders(session.config().state, { download: download === true })
      if (json === true) session.printJson(outcomes)
      else session.print(alignColumns(['loader', 'outcome', 'package', 'version'], outcomes.map(cells)))
      report(session, outcomes)
    })
  group
    .command('list')
    .description('list the loaders there are')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const loaders = await readLoaders(session.config().state)
      if (json === true) return session.printJson(loaders)
      if (loaders.length === 0) session.note('there are none yet: bootstead loaders collect')
      session.print(
        alignColumns(
          ['name', 'size', 'package', 'version', 'sha256'],
          loaders.map((loader) => [
            loader.name,
            String(loader.size),
            loader.package,
            loader.version ?? '',
            loader.sha256,
          ]),
        ),
      )
    })
}

function cells(outcome: LoaderOutcome): readonly string[] {
  if (outcome.kind === 'missing')
    return [outcome.name, outcome.optional ? 'missing (optional)' : 'missing', outcome.package, '']
  return [outcome.loader.name, outcome.kind, outcome.loader.package, outcome.loader.version ?? '']
}

/** @throws Refused when one that machines can't do without is missing */
function report(session: Session, outcomes: readonly LoaderOutcome[]): void {
  for (const outcome of outcomes)
    if (outcome.kind === 'kept')
      session.note(`${outcome.loader.name}: kept, though its package is gone: ${outcome.why}`)
  const missing = outcomes.flatMap((outcome) =>
    outcome.kind === 'missing' && !outcome.optional ? [`${outcome.name}: ${outcome.why}`] : [],
  )
  if (missing.length > 0) fail('some loaders are missing; machines that need them will not boot:', ...missing)
}

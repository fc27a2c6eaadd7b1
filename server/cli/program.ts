// The command line as a whole: its flags, its commands, and what becomes of an error.
import { Command, CommanderError, Option } from 'commander'
import { registerAudit } from './audit.ts'
import { registerCheck } from './check.ts'
import { registerConfig } from './config-command.ts'
import type { Flags } from './config.ts'
import { registerDiff } from './diff.ts'
import { registerDoctor } from './doctor.ts'
import { registerDom0 } from './dom0.ts'
import { registerExplain } from './explain.ts'
import { registerExport } from './export.ts'
import { exitCodeOf } from './failure.ts'
import { describeError } from '../manage/failure.ts'
import { registerGenerate } from './generate.ts'
import { refuseHostOnly } from './host-only.ts'
import { registerImage } from './image.ts'
import { registerImport } from './import.ts'
import { registerInstall } from './install.ts'
import type { Io } from './io.ts'
import { registerLoaders } from './loaders.ts'
import { registerLog } from './log.ts'
import { registerMachine } from './machine.ts'
import { registerMirror } from './mirror.ts'
import { registerRevert } from './revert.ts'
import { registerRollback } from './rollback.ts'
import { registerNetwork, registerProfile, registerSite } from './rows.ts'
import { registerSeen } from './seen.ts'
import { registerServe } from './serve.ts'
import type { Session } from './session.ts'
import { openSession } from './session.ts'
import { doorNames, flagOf, settingNames, settings, variableOf } from './settings.ts'
import { registerShow } from './show.ts'
import { registerTimeline } from './timeline.ts'
import { registerToken } from './token.ts'
import { registerUser } from './user.ts'
import { registerWatch } from './watch.ts'
import { programVersion } from '../serve/program.ts'

type Register = (program: Command, session: Session) => void

/** In the order of the help. */
const commands: readonly Register[] = [
  registerServe,
  registerGenerate,
  registerRollback,
  registerMachine,
  registerInstall,
  registerWatch,
  registerDom0,
  registerExplain,
  registerShow,
  registerCheck,
  registerTimeline,
  registerSeen,
  registerLog,
  registerDiff,
  registerRevert,
  registerImport,
  registerExport,
  registerNetwork,
  registerProfile,
  registerImage,
  registerSite,
  registerLoaders,
  registerUser,
  registerToken,
  registerAudit,
  registerMirror,
  registerDoctor,
  registerConfig,
]

/** Runs one command line (without `node bootstead`) and returns its exit code: 0 done, 1 failed or findings, 2 wrong usage. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const program = createProgram(io)
  const session = openSession(io, () => flagsOf(program))
  for (const register of commands) register(program, session)
  program.hook('preAction', (_, command) => refuseHostOnly(session, command))
  try {
    await program.parseAsync(argv, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2 // commander has said it all
    io.err(`bootstead: ${describeError(error)}\n`)
    if (program.getOptionValue('debug') === true) io.err(`${error instanceof Error ? (error.stack ?? '') : ''}\n`)
    return exitCodeOf(error)
  } finally {
    await session.close()
  }
}

function createProgram(io: Io): Command {
  const program = new Command('bootstead')
    .description('Turns the rows of a machine inventory into running machines.')
    .exitOverride()
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      outputError: (text, write) => write(text.replace(/^error: /, 'bootstead: ')),
    })
    .showHelpAfterError('(add --help to see what it takes)')
    .version(programVersion(), '--version')
    .option('--debug', 'show where in the program an error arose')
    .optionsGroup('Configuration (before or behind the command; else from the environment or bootstead.yaml):')
    .option('--config <file>', 'the configuration file (BOOTSTEAD_CONFIG)')
  for (const name of settingNames) {
    const { argument, help } = settings[name]
    const described = `${help} (${variableOf(name)})`
    if (argument !== null) program.addOption(new Option(`${flagOf(name)} <${argument}>`, described))
    else program.addOption(new Option(flagOf(name), described)).addOption(new Option(flagOf(`no-${name}`), 'do not'))
  }
  for (const door of doorNames)
    program.addOption(new Option(`--no-${door}`, `leave the ${door.toUpperCase()} door closed`))
  return program.commandsGroup('Commands:')
}

/** What was typed, and not the defaults that commander gives `--no-…` flags. */
function flagsOf(program: Command): Flags {
  const typed = Object.entries(program.opts()).filter(([name]) => program.getOptionValueSource(name) === 'cli')
  return Object.fromEntries(typed)
}

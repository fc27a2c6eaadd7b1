// `bootstead dom0 run`: one command on many Dom0s at once, over the administrator's own ssh.
import { setMaxListeners } from 'node:events'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { Dom0Result } from './dom0-result.ts'
import { describeFailures, describeOutput, describeResult, resultAsJson, withoutTokens } from './dom0-result.ts'
import { refuseOthers, targetsOf } from './dom0-targets.ts'
import { fail, misuse } from './failure.ts'
import { chosenMachines, selectorHelp, whereOption } from './selection.ts'
import type { Session } from './session.ts'
import type { SshTarget } from './ssh.ts'
import { remoteCommandLine, runSsh, shellLine, shellWord, sshArguments, sshOptionProblem } from './ssh.ts'
import { count } from './table.ts'

type Options = Readonly<{
  where?: readonly string[]
  user: string
  jobs: number
  timeout?: number
  address?: boolean
  sshConfig?: string
  sshOption: readonly string[]
  output?: boolean
  dryRun?: boolean
  json?: boolean
}>

export function registerDom0Run(group: Command, session: Session): void {
  group
    .command('run')
    .description('run a command on Dom0s over ssh, many at once; one line for each')
    .usage('[options] <selector...> -- <command...>')
    .argument('[selector...]', `${selectorHelp}; all of them Dom0s`)
    .addOption(whereOption())
    .option('--user <name>', 'whom ssh logs in as', parseUser, 'root')
    .option('--jobs <number>', 'how many at a time', parseJobs, 16)
    .option(
      '--timeout <seconds>',
      'after which ssh is ended on each (else it may take as long as it likes)',
      parseSeconds,
    )
    .option('--address', 'connect to the address in the inventory; the host key is still looked up by name')
    .option('--ssh-config <file>', "instead of ssh's own (ssh -F)")
    .option(
      '--ssh-option <name=value>',
      'as ssh -o; may be given more than once',
      (text: string, earlier: readonly string[]) => [...earlier, parseSshOption(text)],
      [],
    )
    .option('--output', 'print all output of each, below its line')
    .option('--dry-run', 'print what would be run, and run nothing')
    .option('--json', 'as JSON, when all have ended')
    .action((_: readonly string[], options: Options, command: Command) => {
      const { machines, words } = splitAtDashes(command)
      return runOnDom0s(session, machines, words, options)
    })
}

function parseUser(text: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.@\\-]*$/.test(text)) throw new InvalidArgumentError('expected a user name.')
  return text
}

function parseJobs(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError('expected a whole number from 1 to 999.')
  return Number(text)
}

function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text) || seconds <= 0 || seconds > 604_800)
    throw new InvalidArgumentError('expected a number of seconds, a week at most.')
  return seconds
}

function parseSshOption(text: string): string {
  const problem = sshOptionProblem(text)
  if (problem !== null) throw new InvalidArgumentError(`${problem}.`)
  return text
}

/** Commander reads `--` and forgets where it was; what was typed is on the outermost command, in a field without a type. */
function splitAtDashes(command: Command): Readonly<{ machines: readonly string[]; words: readonly string[] }> {
  let outermost = command
  while (outermost.parent !== null) outermost = outermost.parent
  const { rawArgs } = outermost as unknown as Readonly<{ rawArgs: readonly string[] }>
  const dashes = rawArgs.indexOf('--')
  const words = dashes < 0 ? [] : rawArgs.slice(dashes + 1)
  if (words.every((word) => word.trim() === ''))
    misuse("write the command behind the machines and --: bootstead dom0 run 'acas[0001-0012]' -- xenconf")
  return { machines: command.args.slice(0, command.args.length - words.length), words }
}

async function runOnDom0s(
  session: Session,
  selector: readonly string[],
  words: readonly string[],
  options: Options,
): Promise<void> {
  const snapshot = await session.loadSnapshot()
  const machines = chosenMachines(snapshot, selector, options.where)
  if (machines.length === 0) fail('no machine matches; nothing was run')
  refuseOthers(session, snapshot, machines)
  const targets = targetsOf(session, snapshot, machines, options.address === true)
  const ssh = { user: options.user, configFile: configFileOf(session, options), given: options.sshOption }
  const line = remoteCommandLine(words)
  if (options.dryRun === true) {
    if (options.json === true) session.printJson({ dryRun: true, command: shellLine(words), machines: targets })
    else
      for (const target of targets) session.print(['ssh', ...sshArguments(ssh, target, line)].map(shellWord).join(' '))
    return
  }
  const width = Math.max(...targets.map(({ hostname }) => hostname.length))
  const results = await withInterruption((stop) =>
    inParallel(targets, options.jobs, stop, async (target): Promise<Dom0Result> => {
      const limits = { env: session.io.env, timeoutSeconds: options.timeout ?? null, stop }
      const ran = await runSsh(sshArguments(ssh, target, line), limits)
      const result = { hostname: target.hostname, ...ran, output: withoutTokens(snapshot, target.hostname, ran.output) }
      if (options.json !== true) {
        session.print(describeResult(result, width, options.output === true))
        if (options.output === true && result.output !== '') session.print(describeOutput(result))
      }
      return result
    }),
  )
  report(session, shellLine(words), targets, results, options)
}

function configFileOf(session: Session, { sshConfig }: Options): string | null {
  if (sshConfig === undefined) return null
  const file = resolve(session.io.cwd, sshConfig)
  if (!existsSync(file)) fail(`--ssh-config ${sshConfig}: there is no such file`)
  return file
}

/** `stop` fires when somebody wants us to end, or when we do: no ssh is left behind. */
async function withInterruption<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal) // one for each ssh
  const interrupt = (): void => controller.abort()
  const events = ['SIGINT', 'SIGTERM', 'SIGHUP', 'exit'] as const
  for (const event of events) process.on(event, interrupt)
  try {
    return await work(controller.signal)
  } catch (error) {
    interrupt() // of those still running
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      fail('there is no ssh on the PATH: install openssh-client')
    throw error
  } finally {
    for (const event of events) process.off(event, interrupt)
  }
}

/** In the order in which they end; after `stop` nothing more is begun. */
async function inParallel<I, O>(
  items: readonly I[],
  jobs: number,
  stop: AbortSignal,
  work: (item: I) => Promise<O>,
): Promise<readonly O[]> {
  const done: O[] = []
  const waiting = items.values()
  const worker = async (): Promise<void> => {
    for (const item of waiting) {
      if (stop.aborted) return
      done.push(await work(item))
    }
  }
  await Promise.all(Array.from({ length: Math.min(jobs, items.length) }, worker))
  return done
}

/** @throws Refused naming those on which it didn't go well, and those it was not run on */
function report(
  session: Session,
  command: string,
  targets: readonly SshTarget[],
  results: readonly Dom0Result[],
  { json = false }: Options,
): void {
  const byName = new Map(results.map((result) => [result.hostname, result]))
  if (json)
    session.printJson({ command, results: targets.map(({ hostname }) => resultAsJson(hostname, byName.get(hostname))) })
  const failures = describeFailures(targets.map(({ hostname }) => [hostname, byName.get(hostname)?.outcome]))
  if (failures.length > 0) fail(...failures)
  if (!json) session.print(`${count(targets.length, 'Dom0')}: all well`)
}

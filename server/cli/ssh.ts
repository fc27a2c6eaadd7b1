// One command line on one machine by the system's ssh, whose configuration, keys, agent and known_hosts are the
// administrator's own. What ssh is told is pure; only runSsh() starts a process.
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { openTail } from './output-tail.ts'

type SshOptions = Readonly<{
  user: string
  /** ssh -F; null leaves it to ssh. */
  configFile: string | null
  /** `Name=value` of the administrator. */
  given: readonly string[]
}>

/** `address` is connected to instead of the name, which the host key is then looked up by. */
export type SshTarget = Readonly<{ hostname: string; address: string | null }>

export type SshOutcome =
  | Readonly<{ kind: 'ok' }>
  | Readonly<{ kind: 'failed'; status: number }>
  | Readonly<{ kind: 'unknown-host-key' | 'changed-host-key' | 'timeout' | 'interrupted' }>
  /** ssh itself failed, before the command or under it. */
  | Readonly<{ kind: 'no-connection'; why: string }>

/** Both streams of the command, in the order in which it wrote. */
export type SshResult = Readonly<{ outcome: SshOutcome; output: string; seconds: number }>

/** What `--ssh-option` can't change: without them ssh would ask somebody who isn't there, or trust any machine. */
const fixedOptions = [
  'BatchMode=yes',
  'StrictHostKeyChecking=yes',
  'ClearAllForwardings=yes', // a forwarded port of the configuration is taken by the first of many
  'ControlPath=none', // another connection's host key is not ours to trust, and one that stays would keep our pipes open
  'RemoteCommand=none',
]

/** ssh takes the first value it is given: these stand behind the administrator's. */
const defaultOptions = ['ConnectTimeout=10', 'ServerAliveInterval=15', 'ServerAliveCountMax=4', 'LogLevel=ERROR']

const optionName = (option: string): string => (/^[^=\s]*/.exec(option)?.[0] ?? '').toLowerCase()

/** Why an option of the administrator's is refused, or null. */
export function sshOptionProblem(option: string): string | null {
  if (!/^[A-Za-z][A-Za-z0-9]*=\S/.test(option)) return `expected NAME=VALUE as in ssh_config, not ${option}`
  const fixed = fixedOptions.find((one) => optionName(one) === optionName(option))
  if (fixed === undefined) return null
  return optionName(option) === 'stricthostkeychecking'
    ? 'host keys are always checked; put the keys into known_hosts instead (ssh-keyscan, and compare)'
    : `${fixed} is what runs many at once`
}

export function sshArguments(options: SshOptions, target: SshTarget, remoteLine: string): readonly string[] {
  const { hostname, address } = target
  const own = address === null ? [] : [`Hostname=${address}`, `HostKeyAlias=${hostname}`]
  return [
    ...(options.configFile === null ? [] : ['-F', options.configFile]),
    ...[...fixedOptions, ...own, ...options.given, ...defaultOptions].flatMap((option) => ['-o', option]),
    '-T',
    '-l',
    options.user,
    hostname,
    remoteLine,
  ]
}

/** A word as POSIX shells read it back. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** One word is a line for the machine's shell, as ssh has it; several are a program and its arguments, taken as they are. */
export function shellLine(words: readonly string[]): string {
  const [first = ''] = words
  return words.length === 1 ? first : words.map(shellWord).join(' ')
}

const endedWith255 = 'bootstead: the command ended with 255'

/**
 * What the machine's login shell is given. The scripts of a Dom0 are in /usr/local/sbin, where a shell that nobody logged
 * in to may not look. ssh's own status for its own failures is 255: a command that ends with that says so on a stream
 * that is otherwise ssh's alone.
 */
export function remoteCommandLine(words: readonly string[]): string {
  return [
    'PATH=/usr/local/sbin:/usr/sbin:/sbin:$PATH',
    'export PATH',
    `sh -c ${shellWord(shellLine(words))} 2>&1`,
    'status=$?',
    `[ $status -ne 255 ] || echo '${endedWith255}' >&2`,
    'exit $status',
  ].join('; ')
}

/** What ssh ended with, and what it said itself. */
export function sshOutcome(status: number | null, signal: string | null, said: string): SshOutcome {
  if (status === 0) return { kind: 'ok' }
  if (status !== null && status !== 255) return { kind: 'failed', status }
  if (said.includes(endedWith255)) return { kind: 'failed', status: 255 }
  if (said.includes('REMOTE HOST IDENTIFICATION HAS CHANGED')) return { kind: 'changed-host-key' }
  if (/^No \S+ host key is known for /m.test(said)) return { kind: 'unknown-host-key' }
  const last = said
    .split(/[\r\n]+/)
    .filter((line) => line.trim() !== '')
    .at(-1)
  return { kind: 'no-connection', why: last ?? (signal === null ? 'ssh says nothing' : `ssh was ended by ${signal}`) }
}

type Limits = Readonly<{
  env: Readonly<Record<string, string | undefined>>
  /** Null: as long as the command likes. */
  timeoutSeconds: number | null
  stop: AbortSignal
}>

/**
 * Resolves when ssh has ended: by itself, in time, or because `stop` fired. What was begun on the machine may go on there.
 * @throws when ssh can't be started
 */
export async function runSsh(words: readonly string[], { env, timeoutSeconds, stop }: Limits): Promise<SshResult> {
  const began = performance.now()
  const [output, said] = [openTail(), openTail()]
  // A process group of its own: what ssh starts (ProxyCommand) ends with it, and a Ctrl-C comes through us.
  const child = spawn('ssh', words, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env })
  child.stdout.on('data', output.add)
  child.stderr.on('data', said.add)
  const ended: { early: 'timeout' | 'interrupted' | null; kill?: NodeJS.Timeout } = { early: null }
  const end = (why: 'timeout' | 'interrupted'): void => {
    ended.early ??= why
    ended.kill ??= endSsh(child)
  }
  const interrupt = (): void => end('interrupted')
  stop.addEventListener('abort', interrupt)
  const clock = timeoutSeconds === null ? undefined : setTimeout(() => end('timeout'), timeoutSeconds * 1000)
  try {
    const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (...how) => resolve(how))
    })
    const outcome = ended.early === null ? sshOutcome(status, signal, said.text()) : { kind: ended.early }
    return { outcome, output: output.text(), seconds: (performance.now() - began) / 1000 }
  } finally {
    stop.removeEventListener('abort', interrupt)
    clearTimeout(clock)
    clearTimeout(ended.kill)
  }
}

/** How long ssh has to end when it is told to. */
const patienceMs = 2000

function endSsh(child: ChildProcess): NodeJS.Timeout {
  const send = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal)
    } catch {
      // it has ended meanwhile
    }
  }
  send('SIGTERM')
  return setTimeout(() => {
    send('SIGKILL')
    child.stdout?.destroy() // whoever else holds them
    child.stderr?.destroy()
  }, patienceMs)
}

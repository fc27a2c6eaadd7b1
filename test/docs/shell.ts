// One bash for a document: what one command exports or where it changes to holds for the next, as at a terminal.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** `status` null: not ended in time, or still going on beside. */
export type Run = Readonly<{ command: string; status: number | null; printed: () => string }>
/** `interrupt` is Ctrl-C, and comes back when it has ended. */
export type Begun = Run & Readonly<{ interrupt: () => Promise<void> }>

export type Shell = Readonly<{
  run: (command: string) => Promise<Run>
  /** Starts it and comes back when it has printed `until`. @throws Error when that does not happen */
  begin: (command: string, until: string) => Promise<Begun>
  end: () => void
}>

const patienceMs = 90_000

/** @param env beside this process's */
export function openShell(cwd: string, env: Readonly<Record<string, string>>): Shell {
  const folder = mkdtempSync(join(tmpdir(), 'shell-'))
  const bash = spawn('bash', ['--norc'], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'inherit', 'inherit', 'pipe'],
  })
  const [input, answers] = [bash.stdio[0], bash.stdio[3]]
  if (input === null || answers === null || answers === undefined || !('read' in answers)) throw new Error('no bash')
  const waiting: ((answer: string) => void)[] = []
  const gone = new Promise<string>((resolve) => bash.once('exit', () => resolve('gone')))
  createInterface({ input: answers }).on('line', (line) => waiting.shift()?.(line))
  input.write('set -m\n')
  let count = 0
  const send = async (command: string, isBeside: boolean): Promise<Run & Readonly<{ answer: number }>> => {
    const [script, output] = [join(folder, `${++count}.sh`), join(folder, `${count}.out`)]
    writeFileSync(script, `${command}\n`)
    writeFileSync(output, '')
    const answer = new Promise<string>((resolve) => waiting.push(resolve))
    const source = `. '${script}' </dev/null >'${output}' 2>&1`
    input.write(isBeside ? `{ ${source}; } 3>&- & echo $! >&3\n` : `${source}; echo $? >&3\n`)
    const timer = new AbortController()
    const late = new Promise<null>((resolve) => {
      const timeout = setTimeout(() => resolve(null), patienceMs)
      timer.signal.addEventListener('abort', () => clearTimeout(timeout))
    })
    const ended = await Promise.race([answer, gone, late])
    timer.abort()
    if (ended === 'gone') throw new Error(`the shell ended in: ${command}`)
    if (ended === null)
      throw new Error(`not ended after ${patienceMs / 1000} s: ${command}\n${readFileSync(output, 'utf8')}`)
    const answered = Number(ended)
    return {
      command,
      status: isBeside ? null : answered,
      answer: answered,
      printed: () => readFileSync(output, 'utf8'),
    }
  }
  return {
    run: (command) => send(command, false),
    begin: async (command, until) => {
      const run = await send(command, true)
      await waitUntil(
        () => run.printed().includes(until),
        () => `${command} did not say "${until}", but:\n${run.printed()}`,
      )
      const interrupt = async (): Promise<void> => {
        process.kill(-run.answer, 'SIGINT') // job control gave it a process group
        await waitUntil(
          () => !existsSync(`/proc/${run.answer}`),
          () => `Ctrl-C does not end ${command}`,
        )
      }
      return { ...run, interrupt }
    },
    end: () => void bash.kill('SIGKILL'),
  }
}

async function waitUntil(isSo: () => boolean, complaint: () => string): Promise<void> {
  for (const begun = Date.now(); !isSo(); await new Promise((go) => setTimeout(go, 50)))
    if (Date.now() - begun > patienceMs) throw new Error(complaint())
}

/** The commands of a script one by one, as somebody would type them: a loop or a here-document is one. */
export function commandsOf(script: string): readonly string[] {
  const commands: string[] = []
  let command = ''
  for (const line of script.split('\n')) {
    command = command === '' ? line : `${command}\n${line}`
    if (command.trim() === '' || /^\s*#[^\n]*$/.test(command)) command = ''
    else if (isWhole(command)) {
      commands.push(command)
      command = ''
    }
  }
  if (command !== '') throw new Error(`this is no complete command: ${command}`)
  return commands
}

function isWhole(command: string): boolean {
  if (command.endsWith('\\')) return false
  const { status, stderr } = spawnSync('bash', ['-n'], { input: `${command}\n`, encoding: 'utf8' })
  return status === 0 && stderr === '' // a here-document without its end is only warned of
}

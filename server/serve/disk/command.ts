// A site's command (a checker, a reload), with an end in time and its output kept.
import { spawn } from 'node:child_process'
import { errorCode } from '../images/library.ts'

export type Command = Readonly<{
  /** The program and its arguments; no shell reads them. */
  argv: readonly string[]
  timeoutMs: number
  /** The Debian package to name when the program is missing, or null when nobody knows. */
  package: string | null
}>

export type CommandOutcome = Readonly<{
  ok: boolean
  /** `exit status 1`, `signal SIGSEGV`, `no end within 30 s`. */
  how: string
  /** Both streams as they came; of a long one the end. */
  output: string
}>

/** There is no such program; the message names its package. */
export class MissingProgram extends Error {
  override name = 'MissingProgram'
}

const mostOutput = 64 * 1024
/** How long output may still come after the end of the program. */
const drainMs = 500

/** @throws MissingProgram; Error when the program can't be started */
export async function runCommand({ argv, timeoutMs, package: debianPackage }: Command): Promise<CommandOutcome> {
  const [program = '', ...args] = argv
  // A group of its own: what it started ends with it when its time is up.
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let output = ''
  const take = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-mostOutput))
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  return new Promise((resolve, reject) => {
    let isLate = false
    const endGroup = (): void => {
      isLate = true
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch (error) {
        if (errorCode(error) !== 'ESRCH') throw error
      }
      closePipes()
    }
    // A daemon that was left behind may hold them open for ever.
    const closePipes = (): void => {
      child.stdout.destroy()
      child.stderr.destroy()
    }
    const timer = setTimeout(endGroup, timeoutMs)
    child.on('error', (cause) => {
      clearTimeout(timer)
      const wayOut = debianPackage === null ? 'is it in the PATH?' : `apt-get install ${debianPackage}`
      reject(errorCode(cause) === 'ENOENT' ? new MissingProgram(`no program ${program}: ${wayOut}`, { cause }) : cause)
    })
    let drained: NodeJS.Timeout | undefined
    child.on('exit', () => {
      clearTimeout(timer)
      drained = setTimeout(closePipes, drainMs)
    })
    child.on('close', (status, signal) => {
      clearTimeout(drained)
      const how = status === null ? `signal ${signal ?? 'unknown'}` : `exit status ${status}`
      resolve({ ok: status === 0 && !isLate, how: isLate ? `no end within ${timeoutMs / 1000} s` : how, output })
    })
  })
}

// What a command may touch of the process that runs it, so that tests run commands inside their own.
import { createInterface } from 'node:readline/promises'
import { homedir, networkInterfaces, userInfo } from 'node:os'
import type { NetworkInterfaceInfo } from 'node:os'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import type { ScreenSize } from './screen.ts'

export type Io = Readonly<{
  out: (text: string) => void
  err: (text: string) => void
  readStdin: () => Promise<string>
  /** Asks a person; null when there is none at the terminal. */
  confirm: ((question: string) => Promise<boolean>) | null
  /** The same for a secret, which is not shown as it is typed. */
  askSecret: ((question: string) => Promise<string>) | null
  isTerminal: boolean
  /** Of a terminal that can be drawn on; null when standard output is none. */
  screen: () => ScreenSize | null
  env: Readonly<Record<string, string | undefined>>
  cwd: string
  home: string
  isRoot: boolean
  username: string
  interfaces: () => Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>
  now: () => number
  /** Waits; shorter when `stop` fires. */
  wait: (milliseconds: number, stop: AbortSignal) => Promise<void>
  /** For what goes on until somebody ends it: SIGINT, SIGTERM and SIGHUP fire `stop`, and a second one ends the process. */
  stoppable: <T>(work: (stop: AbortSignal) => Promise<T>) => Promise<T>
}>

export function processIo(): Io {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      process.exit(0) // `bootstead machine list | head`: nobody reads on, which is no failure of ours
    })
  const isInteractive = process.stdin.isTTY && process.stderr.isTTY
  return {
    out: (written) => void process.stdout.write(written),
    err: (written) => void process.stderr.write(written),
    readStdin: () => text(process.stdin),
    confirm: isInteractive ? confirmOnTerminal : null,
    askSecret: isInteractive ? askSecretOnTerminal : null,
    isTerminal: process.stdout.isTTY,
    screen: screenSize,
    env: process.env,
    cwd: process.cwd(),
    home: homedir(),
    isRoot: process.getuid?.() === 0,
    username: loginName(),
    interfaces: networkInterfaces,
    now: Date.now,
    wait: (milliseconds, signal) => setTimeout(milliseconds, undefined, { signal }).catch(() => undefined),
    stoppable,
  }
}

function screenSize(): ScreenSize | null {
  if (!process.stdout.isTTY || process.env['TERM'] === 'dumb') return null
  const { columns, rows } = process.stdout
  return { columns: columns || 80, rows: rows || 24 } // a serial line doesn't know its size, and says 0
}

async function stoppable<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, stop)
  try {
    return await work(controller.signal)
  } finally {
    for (const signal of signals) process.off(signal, stop)
  }
}

async function confirmOnTerminal(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim())
  } finally {
    terminal.close()
  }
}

/** readline draws what is typed on its output, which is none here. */
async function askSecretOnTerminal(question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  terminal.once('SIGINT', () => {
    process.stderr.write('\n')
    process.exit(130)
  })
  process.stderr.write(question)
  try {
    return await terminal.question('')
  } finally {
    process.stderr.write('\n')
    terminal.close()
  }
}

/** A container's user may have a number and no name. */
function loginName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`
  }
}

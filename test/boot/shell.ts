// The test's hand on a machine: the other end of its system/dom0/usr/local/sbin/test-shell.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

export interface Outcome {
  readonly status: number
  /** Standard output and standard error, as they came. */
  readonly output: string
}

export interface Shell {
  /** Runs a command of bash, after those before it. Throws when the machine doesn't answer in time, or is off. */
  readonly run: (command: string, timeoutMs?: number) => Promise<Outcome>
  /** The output of a command that must succeed. */
  readonly ask: (command: string, timeoutMs?: number) => Promise<string>
}

/** @param port the machine's option `port`; it is there as soon as the machine is on */
export const openShell = async (port: string): Promise<Shell> => {
  const socket = await connected(port)
  const waiting = new Map<number, (answer: Outcome | Error) => void>()
  createInterface({ input: socket }).on('line', (line) => {
    const [, number, status, output] = /^(\d+) (\d+) ?(.*)$/.exec(line) ?? []
    waiting.get(Number(number))?.({
      status: Number(status),
      output: Buffer.from(output ?? '', 'base64').toString(),
    })
  })
  const fail = (why: string) => {
    for (const answer of waiting.values()) answer(new Error(why))
  }
  socket.on('error', (cause) => fail(cause.message))
  socket.on('close', () => fail('the machine is off'))
  let count = 0
  const run: Shell['run'] = async (command, timeoutMs = 120_000) => {
    const number = ++count
    const answer = await new Promise<Outcome | Error>((resolve) => {
      waiting.set(number, resolve)
      const timer = setTimeout(() => resolve(new Error(`no answer in ${timeoutMs / 1000} s`)), timeoutMs)
      timer.unref()
      socket.write(`${number} ${Buffer.from(command).toString('base64')}\n`)
    })
    waiting.delete(number)
    if (answer instanceof Error) throw new Error(`${command}: ${answer.message}`)
    return answer
  }
  const ask: Shell['ask'] = async (command, timeoutMs) => {
    const { status, output } = await run(command, timeoutMs)
    if (status !== 0) throw new Error(`${command}: exit status ${status}\n${output}`)
    return output.trimEnd()
  }
  return { run, ask }
}

const connected = async (port: string): Promise<Socket> => {
  for (let attempt = 0; ; attempt++) {
    const socket = connect(port)
    try {
      await once(socket, 'connect')
      return socket
    } catch (cause) {
      if (attempt >= 100) throw new Error(`nothing listens on ${port}`, { cause })
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

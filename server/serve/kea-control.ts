// Kea's control channel: one command in JSON and one answer to it over a unix socket, which Kea then closes (Kea ARM,
// "Management API"). A daemon takes commands and packets one after the other: while it reads 100,000 reservations, 2 to 5 s,
// clients wait.
import { connect } from 'node:net'
import { z } from 'zod'
import type { CommandOutcome } from './disk/command.ts'
import { errorCode } from './images/library.ts'

/** Kea can't be asked: it is down, or the socket is not its. */
export class KeaAway extends Error {
  override name = 'KeaAway'
}

const answerSchema = z.object({ result: z.number(), text: z.string().default(''), arguments: z.unknown().optional() })
type KeaAnswer = z.infer<typeof answerSchema>

/** Kea ARM, "Data Syntax" of the management API; 3 is success too, with nothing found. */
const results: Readonly<Record<number, string>> = { 1: 'refused', 2: 'not supported by this Kea', 4: 'conflict' }

const defaultTimeoutMs = 120_000

/**
 * @param argument JSON text
 * @throws KeaAway naming the socket and the way out
 */
export async function askKea(
  socket: string,
  command: string,
  argument: string | null = null,
  timeoutMs = defaultTimeoutMs,
): Promise<KeaAnswer> {
  const request = `{"command":${JSON.stringify(command)}${argument === null ? '' : `,"arguments":${argument}`}}`
  const reply = await exchange(socket, request, timeoutMs).catch((cause: unknown) => {
    throw new KeaAway(`${socket}: ${wayOut(cause)}`, { cause })
  })
  const answer = answerSchema.safeParse(parsed(reply))
  if (answer.success) return answer.data
  throw new KeaAway(`${socket} answers ${command} with ${JSON.stringify(reply.slice(0, 80))}: is it Kea's?`)
}

/** The command has no end but its last brace: were our side closed behind it, Kea would take that for a client gone. */
function exchange(path: string, request: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(path)
    const timer = setTimeout(() => {
      socket.destroy(new Error(`no answer within ${timeoutMs / 1000} s`))
    }, timeoutMs)
    socket.on('connect', () => socket.write(request))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(Buffer.concat(chunks).toString())
    })
  })
}

const start = 'start Kea, or give the socket-name of its control-socket as control_socket'
const permit = 'may not be used by this user; run it as root or as a member of the group that the socket is of'
const waysOut: Readonly<Record<string, string>> = {
  ENOENT: `no such socket; ${start}`,
  ECONNREFUSED: `nobody listens there; ${start}`,
  EACCES: permit,
  EPERM: permit,
}

function wayOut(error: unknown): string {
  const known = waysOut[errorCode(error) ?? '']
  if (known !== undefined) return known
  return error instanceof Error ? error.message : String(error)
}

function parsed(reply: string): unknown {
  try {
    return JSON.parse(reply)
  } catch {
    return null
  }
}

/** `reload`: seconds since the configuration was last changed (status-get, since Kea 1.7.3). */
const statusSchema = z.object({
  reload: z.number(),
  sockets: z.object({ errors: z.array(z.string()).default([]) }).optional(),
})

/**
 * Has Kea read its configuration again, and looks whether that is in force.
 * @throws KeaAway
 */
export async function reloadKea(socket: string): Promise<CommandOutcome> {
  const began = performance.now()
  const { result, text } = await askKea(socket, 'config-reload')
  if (result !== 0) return { ok: false, how: `config-reload: ${resultName(result)}`, output: `${text}\n` }
  const status = statusSchema.safeParse((await askKea(socket, 'status-get')).arguments)
  const output = [text, ...(status.data?.sockets?.errors ?? [])].map((line) => `${line}\n`).join('')
  const elapsedSeconds = (performance.now() - began) / 1000
  const isOld = status.success && status.data.reload > Math.ceil(elapsedSeconds)
  if (!isOld) return { ok: true, how: 'config-reload', output }
  return { ok: false, how: `config-reload: what is in force is ${status.data.reload} s old`, output }
}

export const resultName = (result: number): string => results[result] ?? `result ${result}`

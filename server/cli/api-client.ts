// The server's API, as the command line asks it: one request, its answer checked, or one clear sentence why there is none.
import type { IncomingMessage } from 'node:http'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { text } from 'node:stream/consumers'
import { apiRoot } from '../admin/api/endpoint.ts'
import type { Shape } from './api-answer.ts'
import { bodyOf, refusalIn } from './api-answer.ts'
import type { ApiAddress } from './api-address.ts'
import { describeLoss } from './api-loss.ts'
import { fail } from './failure.ts'
import type { Io } from './io.ts'

export type Query = Readonly<Record<string, string | readonly string[]>>

export type Asked = Readonly<{
  query?: Query
  body?: object
  headers?: Readonly<Record<string, string>>
  /** Asked again when the answer is lost: it changes nothing, or has a key by which it is done once. */
  isSafe?: boolean
}>

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

export type ApiClient = Readonly<{
  url: string
  /** @throws Refused in the server's words, Misworded when it can't understand the request */
  ask: <T>(method: Method, path: string, shape: Shape<T>, asked?: Asked) => Promise<T>
  /** An answer that goes on; its end is its reader's business. */
  open: (path: string, asked: Asked, stop: AbortSignal) => Promise<IncomingMessage>
}>

/** In milliseconds: until a connection is made, and until anything is heard on it. */
export type Patience = Readonly<{ connectMs: number; silenceMs: number }>

/** The server itself bears a silent connection for two minutes. */
const usual: Patience = { connectMs: 10_000, silenceMs: 130_000 }
/** Before it is asked once more, in milliseconds. */
const pausesMs = [500, 2000] as const

export function apiClient(address: ApiAddress, { wait }: Pick<Io, 'wait'>, patience: Patience = usual): ApiClient {
  const server = { ...address, ...patience }
  const repeated = async (method: Method, path: string, asked: Asked, pauses: readonly number[]): Promise<Answered> => {
    const answered = await once(server, method, path, asked)
    const [pauseMs, ...others] = pauses
    const isLost = 'lost' in answered && answered.lost.wasSent
    // While what was asked first is still being done: its end will be the answer.
    const isOpen = !('lost' in answered) && answered.status === 409 && pauses.length < pausesMs.length
    if (pauseMs === undefined || asked.isSafe !== true || !(isLost || isOpen)) return answered
    await wait(pauseMs, new AbortController().signal)
    return repeated(method, path, asked, others)
  }
  return {
    url: address.url,
    ask: async (method, path, shape, asked = {}) => {
      const { isSafe = method === 'GET' } = asked
      const answered = await repeated(method, path, { ...asked, isSafe }, pausesMs)
      if ('lost' in answered) return fail(describeLoss(address.url, answered.lost, isSafe))
      return bodyOf(address.url, answered, shape)
    },
    open: async (path, asked, stop) => {
      const response = await send(server, 'GET', path, asked, stop)
      if (response.statusCode === 200) return response
      throw refusalIn(address.url, await readAnswer(response))
    },
  }
}

export type Answer = Readonly<{ status: number; headers: IncomingMessage['headers']; text: string }>
/** `wasSent`: the server may have done what was asked. */
export type Loss = Readonly<{ error: NodeJS.ErrnoException; wasSent: boolean }>
type Answered = Answer | Readonly<{ lost: Loss }>

type Server = ApiAddress & Patience

async function once(server: Server, method: Method, path: string, asked: Asked): Promise<Answered> {
  const sent = { was: false }
  try {
    return await readAnswer(await send(server, method, path, asked, null, () => (sent.was = true)))
  } catch (error) {
    return { lost: { error: error as NodeJS.ErrnoException, wasSent: sent.was } }
  }
}

const readAnswer = async (response: IncomingMessage): Promise<Answer> => ({
  status: response.statusCode ?? 0,
  headers: response.headers,
  text: await text(response),
})

function send(
  { url, token, ca, connectMs, silenceMs }: Server,
  method: Method,
  path: string,
  { query = {}, body, headers = {} }: Asked,
  stop: AbortSignal | null,
  onConnected: () => void = () => undefined,
): Promise<IncomingMessage> {
  const target = new URL(`${url}${apiRoot}${path}`)
  for (const [name, value] of Object.entries(query))
    for (const one of [value].flat()) target.searchParams.append(name, one)
  const content = body === undefined ? null : JSON.stringify(body)
  const options = {
    method,
    agent: false,
    ...(ca === null ? {} : { ca }),
    ...(stop === null ? {} : { signal: stop }),
    headers: {
      Accept: 'application/json',
      Authorization: `Bearer ${token}`,
      ...(content === null ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(content) }),
      ...headers,
    },
  } as const
  return new Promise((resolve, reject) => {
    const request = (target.protocol === 'https:' ? requestHttps : requestHttp)(target, options, resolve)
    const late = (what: string) => (): void =>
      void request.destroy(Object.assign(new Error(what), { code: 'ETIMEDOUT' }))
    const connecting = setTimeout(late(`no connection within ${connectMs / 1000} s`), connectMs)
    const connected = (): void => {
      clearTimeout(connecting)
      onConnected()
    }
    request.once('socket', (socket) =>
      socket.once(target.protocol === 'https:' ? 'secureConnect' : 'connect', connected),
    )
    request.setTimeout(silenceMs, late(`no answer within ${silenceMs / 1000} s`))
    request.once('error', reject)
    request.once('close', () => clearTimeout(connecting))
    request.end(content ?? undefined)
  })
}

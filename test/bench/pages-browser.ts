// An administrator's browser: logs in, asks for pages, compressed, and counts what came over the wire. And a machine beside it.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { gunzipSync } from 'node:zlib'
import type { MacAddress } from '../../server/inventory/address.ts'
import { discoverFrom } from '../../server/plan/dhcp/request.ts'
import { encodeDhcp } from '../../server/render/dhcp.ts'
import { relayAddress, serverAddress } from './dhcp-client.ts'

export type Answered = Readonly<{ status: number; milliseconds: number; wireBytes: number; text: string }>
export type Ask = Readonly<{ path: string; form?: Readonly<Record<string, string>>; patch?: object; token?: string }>

export type Browser = Readonly<{
  ask: (ask: Ask) => Promise<Answered>
  close: () => void
}>

const bodyOf = ({ form, patch }: Ask): string | null =>
  form !== undefined ? new URLSearchParams(form).toString() : patch === undefined ? null : JSON.stringify(patch)

/** @throws Error when the log-in fails */
export async function openBrowser(port: number, name: string, password: string): Promise<Browser> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const held = { cookie: '' }
  const ask = async (one: Ask): Promise<Answered> => {
    const body = bodyOf(one)
    const began = performance.now()
    const sent = request({
      ...{ port, host: '127.0.0.1', agent, path: one.path },
      method: one.form !== undefined ? 'POST' : one.patch === undefined ? 'GET' : 'PATCH',
      headers: {
        ...{ 'accept-encoding': 'gzip', cookie: held.cookie, 'sec-fetch-site': 'same-origin' },
        ...(one.token === undefined ? {} : { authorization: `Bearer ${one.token}` }),
        ...(body === null ? {} : { 'content-type': one.form === undefined ? 'application/json' : formType }),
      },
    })
    sent.end(body ?? undefined)
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    const milliseconds = performance.now() - began
    const bytes = Buffer.concat(chunks)
    held.cookie = response.headers['set-cookie']?.[0]?.split(';')[0] ?? held.cookie
    const head = response.rawHeaders.reduce((sum, word) => sum + word.length + 2, 'HTTP/1.1 200 OK\r\n\r\n'.length)
    const text = (response.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString()
    return { status: response.statusCode ?? 0, milliseconds, wireBytes: head + bytes.length, text }
  }
  const { status } = await ask({ path: '/login', form: { name, password } })
  if (status !== 303) throw new Error(`log-in: ${status}`)
  return { ask, close: () => agent.destroy() }
}

const formType = 'application/x-www-form-urlencoded'

export type Machine = Readonly<{
  /** The longest that an offer took since this was asked last, in milliseconds; of one that is still waited for, so far. */
  longestMs: () => number
  close: () => void
}>

const everyMs = 5

/** A machine that asks for its address all the time, through a relay. */
export async function openMachine(mac: string): Promise<Machine> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  socket.bind(67, relayAddress)
  await once(socket, 'listening')
  const discover = discoverFrom(mac as MacAddress, 'uefi-x64', 'firmware')
  const state = { xid: 1, askedAt: 0, answered: true, longest: 0 }
  const ask = (): void => {
    if (!state.answered) return
    Object.assign(state, { xid: state.xid + 1, askedAt: performance.now(), answered: false })
    const message = { ...discover, hops: 1, xid: state.xid, giaddr: relayAddress, broadcast: false }
    socket.send(encodeDhcp(message, { maxSize: 548 }), 67, serverAddress, () => undefined)
  }
  socket.on('message', (datagram) => {
    if (state.answered || datagram.readUInt32BE(4) !== state.xid) return
    Object.assign(state, { answered: true, longest: Math.max(state.longest, performance.now() - state.askedAt) })
  })
  const timer = setInterval(ask, everyMs)
  return {
    longestMs: () => {
      const longest = Math.max(state.longest, state.answered ? 0 : performance.now() - state.askedAt)
      state.longest = 0
      return longest
    },
    close: () => {
      clearInterval(timer)
      socket.close()
    },
  }
}

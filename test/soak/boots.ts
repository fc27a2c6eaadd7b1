// A machine that boots and installs: the same requests in the same order as a real one's, over the same doors.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { DhcpMessage } from '../../server/plan/dhcp/message.ts'
import { MESSAGE_TYPE, OPTION } from '../../server/plan/dhcp/message.ts'
import { u8 } from '../../server/plan/dhcp/options.ts'
import { discoverFrom } from '../../server/plan/dhcp/request.ts'
import { decodeDhcp, encodeDhcp } from '../../server/render/dhcp.ts'
import type { MacAddress } from '../../server/inventory/address.ts'
import { hostnameOf, ipOf, macOf } from '../bench/farm.ts'
import { SERVER } from '../fuzz/farm.ts'
import { PORT } from '../fuzz/shots.ts'
import type { Served } from '../fuzz/stage.ts'
import { rrq, ack as tftpAck, TftpTestClient } from '../protocol/tftp-client.ts'
import type { Tally } from './tally.ts'

export const RELAY = '198.19.255.253'

/** Real clients ask again after four seconds; a server that answers nothing for a minute is an error. */
const ASK_AGAIN_MS = 4000
const ASKED_AT_MOST = 15

export type Relay = Readonly<{ ask: (message: DhcpMessage) => Promise<DhcpMessage>; close: () => void }>

/** All machines are behind one relay. */
export async function openRelay(): Promise<Relay> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
  socket.bind(PORT.dhcp, RELAY)
  await once(socket, 'listening')
  const waiting = new Map<number, (reply: DhcpMessage) => void>()
  socket.on('message', (datagram) => {
    const reply = decodeDhcp(datagram)
    waiting.get(reply.xid)?.(reply)
  })
  const counter = { xid: 1 }
  return {
    ask: (message) => {
      const xid = counter.xid++
      const octets = encodeDhcp({ ...message, xid, hops: 1, giaddr: RELAY, broadcast: false }, { maxSize: 548 })
      return new Promise((resolve, reject) => {
        let asked = 0
        const end = (): void => {
          clearInterval(again)
          waiting.delete(xid)
        }
        const send = (): void => {
          if (asked++ < ASKED_AT_MOST) return socket.send(octets, PORT.dhcp, SERVER.ipv4)
          end()
          reject(new Error('no answer to a DHCP request'))
        }
        const again = setInterval(send, ASK_AGAIN_MS)
        waiting.set(xid, (reply) => {
          end()
          resolve(reply)
        })
        send()
      })
    },
    close: () => socket.close(),
  }
}

/** Connections of 500 machines are not kept: each boot makes its own. */
const agent = new Agent({ keepAlive: false })

type Got = Readonly<{ status: number; body: Buffer }>

export function fetchAs(address: string, path: string, form?: string): Promise<Got> {
  const headers = form === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }
  const method = form === undefined ? 'GET' : 'POST'
  return new Promise((resolve, reject) => {
    const asked = request({ agent, method, path, headers, host: SERVER.ipv4, localAddress: address }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts) }))
      response.on('error', reject)
    })
    asked.on('error', reject)
    asked.end(form)
  })
}

export type Booting = Readonly<{
  relay: Relay
  files: Served['files']
  tally: Tally
  /** Whether the database is there: without it nothing becomes `installed`. */
  isStoreUp: () => boolean
}>

/** @throws when anything is not as it should be */
export async function bootOnce({ relay, files, tally, isStoreUp }: Booting, index: number): Promise<void> {
  const [host, mac, ip] = [hostnameOf(index), macOf(index), ipOf(index)]
  const timed = tally.timed
  const discover = discoverFrom(mac as MacAddress, 'bios', 'firmware')
  const offer = await timed('dhcp', () => relay.ask(discover))
  const options = new Map([
    ...discover.options,
    [OPTION.messageType, u8(MESSAGE_TYPE.REQUEST)] as const,
    [OPTION.serverIdentifier, offer.options.get(OPTION.serverIdentifier) ?? new Uint8Array()] as const,
    [OPTION.requestedAddress, Uint8Array.from(ip.split('.'), Number)] as const,
  ])
  const ack = await timed('dhcp', () => relay.ask({ ...discover, options }))
  if (ack.yiaddr !== ip) throw new Error(`${host} was given ${ack.yiaddr}`)

  const loader = await timed('tftp', () => read(ip, 'pxelinux.0', { blksize: '1408', tsize: '0' }))
  same(loader, files['loaders/pxelinux.0'], `${host}'s pxelinux.0`)
  const menuPath = `pxelinux.cfg/01-${mac.replaceAll(':', '-')}`
  const menu = (await timed('tftp', () => read(ip, menuPath))).toString()
  if (!menu.includes(host)) throw new Error(`${host}'s menu does not name it: ${menu}`)
  const kernel = await timed('tftp', () => read(ip, 'images/el9/vmlinuz', { blksize: '1408', windowsize: '16' }))
  same(kernel, files['images/el9/vmlinuz'], `${host}'s kernel over TFTP`)

  const get = async (path: string): Promise<Buffer> => {
    const { status, body } = await timed('http', () => fetchAs(ip, path))
    if (status !== 200) throw new Error(`${host} got ${status} for ${path.replace(/\?.*/, '')}: ${body.toString()}`)
    return body
  }
  const script = (await get(`/ipxe/${mac}.ipxe`)).toString()
  same(await get('/images/el9/initrd.img'), files['images/el9/initrd.img'], `${host}'s initrd over HTTP`)
  const token = /token=([\w-]+)/.exec(script)?.[1]
  if (token === undefined) return
  await get(`/ks/${host}?token=${token}`)
  const report = async (fields: Readonly<Record<string, string>>): Promise<void> => {
    const { status, body } = await timed('event', () =>
      fetchAs(ip, `/events/${host}?token=${token}`, new URLSearchParams(fields).toString()),
    )
    if (status !== 200 && status !== 202)
      throw new Error(`${host} reports ${fields['stage']}: ${status} ${body.toString()}`)
  }
  for (const progress of ['0', '50', '90'])
    await report({ stage: 'installing', progress, console: `packages: ${progress} %\n`.repeat(40) })
  if (isStoreUp() && index % 2 === 0) await report({ stage: 'installed' })
}

async function read(address: string, path: string, options: Record<string, string> = {}): Promise<Buffer> {
  const client = await TftpTestClient.open({ address, server: SERVER.ipv4 })
  try {
    await client.send(rrq(path, options), PORT.tftp)
    let reply = await client.next()
    const granted = reply.kind === 'oack' ? reply.options : {}
    while (reply.kind === 'oack') {
      await client.send(tftpAck(0), reply.port) // a server that heard it late has repeated itself
      reply = await client.next()
    }
    const [blksize, windowsize] = [Number(granted['blksize'] ?? 512), Number(granted['windowsize'] ?? 1)]
    return await client.finish(reply, { blksize, windowsize })
  } finally {
    await client.close()
  }
}

function same(got: Buffer, expected: Buffer, what: string): void {
  if (!got.equals(expected)) throw new Error(`${what}: ${got.length} octets that are not those on disk`)
}

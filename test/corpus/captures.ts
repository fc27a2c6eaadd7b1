// What real DHCP clients sent to a server, one client in each file of dhcp/: written by take.ts, read by tests.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { NO_ADDRESS } from '../../server/plan/dhcp/message.ts'
import { formatMac, messageType, requestedAddress, vendorClass } from '../../server/plan/dhcp/options.ts'
import { decodeDhcp } from '../../server/render/dhcp.ts'
import type { Packet } from '../protocol/packets.ts'

export type Captured = Readonly<{
  /** Its type and way: `DISCOVER 0.0.0.0:68 > 255.255.255.255:67`. */
  title: string
  /** The port it was sent to: 67, or 4011 when it asks a boot server. */
  port: number
  octets: Uint8Array
}>

export type Capture = Readonly<{
  /** The file's name, without `.hex`. */
  name: string
  /** Which program, of which version, and how it came to send this. */
  client: string
  messages: readonly Captured[]
}>

export const corpusFolder = join(import.meta.dirname, 'dhcp')
const octetsPerLine = 32

export function readCorpus(): readonly Capture[] {
  const files = readdirSync(corpusFolder).filter((file) => file.endsWith('.hex'))
  return files.sort().map((file) => readCapture(basename(file, '.hex')))
}

export const readCapture = (name: string): Capture =>
  parseCapture(name, readFileSync(join(corpusFolder, `${name}.hex`), 'utf8'))

/** @throws Error naming the file and the paragraph that is none */
export function parseCapture(name: string, text: string): Capture {
  const [head = '', ...paragraphs] = text.trimEnd().split('\n\n')
  if (!head.startsWith('# ')) throw new Error(`${name}.hex does not begin with a line on the client`)
  const client = head.replaceAll(/^# /gm, '').replaceAll('\n', ' ')
  return { name, client, messages: paragraphs.map((paragraph) => parseMessage(name, paragraph)) }
}

function parseMessage(name: string, paragraph: string): Captured {
  const [title = '', ...lines] = paragraph.split('\n')
  const port = /^[A-Z]+ .* > [\d.]+:(\d+)$/.exec(title)?.[1]
  const hex = lines.join('').replaceAll(' ', '')
  if (port === undefined || !/^([0-9a-f]{2})+$/.test(hex)) throw new Error(`${name}.hex: ${JSON.stringify(title)}`)
  return { title, port: Number(port), octets: new Uint8Array(Buffer.from(hex, 'hex')) }
}

export function capturedIn({ from, to, payload }: Packet): Captured {
  const type = messageType(decodeDhcp(payload)) ?? 'BOOTP'
  const title = `${type} ${from.address}:${from.port} > ${to.address}:${to.port}`
  return { title, port: to.port, octets: new Uint8Array(payload) }
}

/** Who sent it, and the address that it was given. @throws Error when its messages don't name both */
export function holderOf({ name, messages }: Capture): Readonly<{ mac: string; ip: string }> {
  const decoded = messages.map(({ octets }) => decodeDhcp(octets))
  const mac = decoded.map(({ chaddr }) => formatMac(chaddr)).at(0)
  const ip = decoded.map((one) => requestedAddress(one) ?? one.ciaddr).find((address) => address !== NO_ADDRESS)
  if (mac == null || ip === undefined) throw new Error(`${name}.hex names no MAC and address`)
  return { mac, ip }
}

/** What a client's messages have in common that are sent again, today or on another day. */
export function shapeOf({ title, octets }: Captured): string {
  const message = decodeDhcp(octets)
  const { htype, hops, broadcast, ciaddr, giaddr, sname, file, options } = message
  const fields = { htype, hops, broadcast, ciaddr, giaddr, sname, file, vendorClass: vendorClass(message) }
  return JSON.stringify({ title, ...fields, options: [...options.keys()] })
}

export const captureText = ({ client, messages }: Capture): string =>
  [`# ${client}`, ...messages.map(({ title, octets }) => `${title}\n${hexLines(octets)}`)].join('\n\n') + '\n'

function hexLines(octets: Uint8Array): string {
  const lines: string[] = []
  for (let at = 0; at < octets.length; at += octetsPerLine) {
    const hex = Buffer.from(octets.subarray(at, at + octetsPerLine)).toString('hex')
    lines.push(hex.replaceAll(/.{8}(?=.)/g, '$& '))
  }
  return lines.join('\n')
}

// The DHCPv6 door: octets in, the plan's answer, octets out to where the question came from. It decides nothing else.
import type { Logger } from 'pino'
import type { Dhcp6Answer } from '../../plan/dhcp6/answer.ts'
import type { Arrival6 } from '../../plan/dhcp6/arrival.ts'
import { isFromServer } from '../../plan/dhcp6/message.ts'
import type { Dhcp6Message } from '../../plan/dhcp6/message.ts'
import { decodeDhcp6, encodeDhcp6, MalformedDhcp6 } from '../../render/dhcp6.ts'
import { quietLog, type QuietLog } from '../quiet.ts'
import type { Heard6 } from './sockets.ts'
import { openDhcp6Sockets } from './sockets.ts'

export type Dhcp6DoorOptions = Readonly<{
  address: string
  port: number
  /** 546 and 547 (RFC 8415 §7.2) anywhere but in a test without privileges. */
  clientPort?: number
  relayPort?: number
  answer: (request: Dhcp6Message, arrival: Arrival6) => Dhcp6Answer
  log: Logger
  /** How often interfaces and addresses are looked for. */
  lookMs?: number
}>

export type Dhcp6Door = Readonly<{ port: number; close: () => Promise<void> }>

const CLIENT_PORT = 546
const RELAY_PORT = 547

/** @throws what bind() says: address in use, not local, or a port that needs privilege */
export async function openDhcp6Door(options: Dhcp6DoorOptions): Promise<Dhcp6Door> {
  const { address, port, log, lookMs } = options
  const quiet = quietLog(log, LINES_PER_MINUTE)
  const hear = (heard: Heard6): void => receive({ ...options, quiet }, heard)
  const sockets = await openDhcp6Sockets({ address, port, hear, log, ...(lookMs === undefined ? {} : { lookMs }) })
  let closed: Promise<void> | null = null
  const close = (): Promise<void> => {
    quiet.close()
    return sockets.close()
  }
  return { port: sockets.port, close: () => (closed ??= close()) }
}

/** Of replies that can't be sent, and of requests that fail: a forged one makes a line each. */
const LINES_PER_MINUTE = 20

type Serving = Dhcp6DoorOptions & Readonly<{ quiet: QuietLog }>

/** Whatever a datagram holds, and whatever the answer to it does, only that datagram is lost. */
function receive(options: Serving, heard: Heard6): void {
  const { log, quiet } = options
  const via = { address: heard.arrival.sender, port: heard.port }
  if (heard.port === 0) return log.debug({ via }, 'dhcp6 dropped: source port 0') // forged; send() to it would throw
  try {
    serve(options, decodeDhcp6(heard.datagram), heard)
  } catch (err) {
    if (err instanceof MalformedDhcp6) return log.debug({ via, why: err.message }, 'dhcp6 dropped')
    quiet.error({ via, err }, 'dhcp6 request failed')
  }
}

function serve(options: Serving, request: Dhcp6Message, { arrival, reply }: Heard6): void {
  const { log, quiet, clientPort = CLIENT_PORT, relayPort = RELAY_PORT } = options
  const via = arrival.sender
  if (isFromServer(request)) return log.debug({ via }, `dhcp6 dropped: ${request.type}`)
  const answered = options.answer(request, arrival)
  if (answered.kind !== 'reply') return log.debug({ via, why: answered.why }, 'dhcp6 ignored')
  // RFC 8415 §18.3.10: back to where it came from, by way of the relay that it came by.
  const port = request.relays.length === 0 ? clientPort : relayPort
  reply(encodeDhcp6(answered.reply), port, (err) => {
    if (err !== null) quiet.warn({ via, port, err }, 'dhcp6 reply not sent')
  })
}

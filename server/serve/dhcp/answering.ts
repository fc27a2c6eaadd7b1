// What becomes of a DHCP request beside its reply: signs in the machine's timeline, figures, who asked in vain.
import type { Logger } from 'pino'
import type { DhcpAnswer } from '../../plan/dhcp/answer.ts'
import type { DhcpContext } from '../../plan/dhcp/asker.ts'
import type { Arrival } from '../../plan/dhcp/arrival.ts'
import type { Client } from '../../plan/dhcp/clients.ts'
import { strangePlatform } from '../../plan/dhcp/clients.ts'
import type { DhcpMessage } from '../../plan/dhcp/message.ts'
import { NO_ADDRESS, OPTION } from '../../plan/dhcp/message.ts'
import { messageType, text } from '../../plan/dhcp/options.ts'
import type { Metrics } from '../metrics.ts'
import type { Timeline } from '../timeline.ts'
import type { DhcpDoorOptions, DhcpVia } from './door.ts'
import { onceAnHour } from '../quiet.ts'
import type { Seen } from './seen.ts'
import { askingBy, hardwareAddress } from './seen.ts'

export type Surroundings = Readonly<{
  context: () => DhcpContext
  /** What this door answers. */
  plan: (context: DhcpContext, request: DhcpMessage, arrival: Arrival | null) => DhcpAnswer
  timeline: Timeline
  metrics: Pick<Metrics, 'dhcp'>
  seen: Seen
  log: Logger
}>

/** As many machines as may quarrel over addresses at once, and be heard once an hour each. */
const maxQuarrels = 4096

export function dhcpAnswering({
  context,
  plan,
  timeline,
  metrics,
  seen,
  log,
}: Surroundings): DhcpDoorOptions['answer'] {
  const isNews = onceAnHour(maxQuarrels)
  return (request, via) => {
    const answer = plan(context(), request, via.arrival)
    metrics.dhcp.inc({ outcome: outcomeOf(answer) })
    switch (answer.kind) {
      case 'reply':
        seen.forget(hardwareAddress(request))
        noteReply(timeline, request, answer, via)
        break
      case 'unserved':
        seen.note(askingBy(request, via), answer)
        break
      case 'declined':
        if (isNews(`${answer.machine} ${answer.why}`)) noteQuarrel(timeline, log, answer, via)
        break
      case 'ignore':
        break
      default:
        answer satisfies never
    }
    return answer
  }
}

function outcomeOf(answer: DhcpAnswer): string {
  if (answer.kind === 'reply') return messageType(answer.reply) === 'NAK' ? 'refused' : 'answered'
  return answer.kind === 'ignore' ? 'ignored' : answer.kind
}

/** A booting machine's requests are signs; an operating system renewing its lease is none. */
function noteReply(
  timeline: Timeline,
  request: DhcpMessage,
  { machine, reply, client: asking }: Extract<DhcpAnswer, { kind: 'reply' }>,
  { sender }: DhcpVia,
): void {
  const client = bootingClient(request, asking)
  if (client === null) return
  timeline.note({ machine, stage: 'dhcp', detail: describeReply(reply, client), door: 'dhcp', peer: sender.address })
}

function bootingClient(request: DhcpMessage, client: Client | null): string | null {
  if (client === null) return strangePlatform(request)
  return client.agent === 'system' ? null : `${client.platform} ${client.agent}`
}

function describeReply(reply: DhcpMessage, client: string): string {
  const given = (code: number): string => text(reply.options.get(code) ?? new Uint8Array())
  if (messageType(reply) === 'NAK') return `${client} refused: ${given(OPTION.message)}`
  const to = reply.yiaddr === NO_ADDRESS ? client : `${reply.yiaddr} to ${client}`
  const isSentOn = reply.options.has(OPTION.vendorClass) // by proxyDHCP, which tells it there what to boot
  return `${to}: ${given(OPTION.bootfile) || (isSentOn ? 'asked to port 4011' : 'no boot file')}`
}

/** RFC 2131 §4.3.3: the administrator is to be told. */
function noteQuarrel(
  timeline: Timeline,
  log: Logger,
  { machine, why }: Extract<DhcpAnswer, { kind: 'declined' }>,
  { sender }: DhcpVia,
): void {
  log.warn({ machine, via: sender.address }, `dhcp: ${why}`)
  timeline.note({ machine, stage: 'dhcp', detail: why, door: 'dhcp', peer: sender.address })
}

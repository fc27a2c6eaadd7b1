// What becomes of a DHCP request beside its reply: signs in the machine's timeline, figures, who asked in vain.
import type { Logger } from 'pino'
import type { PlanContext } from '../../plan/boot.ts'
import type { DhcpAnswer } from '../../plan/dhcp/answer.ts'
import { answerDhcp } from '../../plan/dhcp/answer.ts'
import type { Client } from '../../plan/dhcp/clients.ts'
import { clientOf } from '../../plan/dhcp/clients.ts'
import type { DhcpMessage } from '../../plan/dhcp/message.ts'
import { OPTION } from '../../plan/dhcp/message.ts'
import { messageType } from '../../plan/dhcp/options.ts'
import type { Metrics } from '../metrics.ts'
import type { Timeline } from '../timeline.ts'
import type { DhcpDoorOptions, DhcpVia } from './door.ts'
import { onceAnHour } from './quiet.ts'
import type { Seen } from './seen.ts'

type Surroundings = Readonly<{
  context: () => PlanContext
  timeline: Timeline
  metrics: Pick<Metrics, 'dhcp'>
  seen: Seen
  log: Logger
}>

/** As many machines as may quarrel over addresses at once, and be heard once an hour each. */
const maxQuarrels = 4096

export function dhcpAnswering({ context, timeline, metrics, seen, log }: Surroundings): DhcpDoorOptions['answer'] {
  const isNews = onceAnHour(maxQuarrels)
  return (request, via) => {
    const answer = answerDhcp(context(), request, via.arrival)
    metrics.dhcp.inc({ outcome: outcomeOf(answer) })
    switch (answer.kind) {
      case 'reply':
        seen.forget(request)
        noteReply(timeline, request, answer, via)
        break
      case 'unserved':
        seen.note(request, via, answer)
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
  { machine, reply }: Extract<DhcpAnswer, { kind: 'reply' }>,
  { sender }: DhcpVia,
): void {
  const client = clientOf(request)
  if (client === null || client.agent === 'system') return
  timeline.note({
    machine,
    stage: 'dhcp',
    detail: describeReply(reply, client),
    door: 'dhcp',
    peer: sender.address,
  })
}

function describeReply(reply: DhcpMessage, { platform, agent }: Client): string {
  if (messageType(reply) !== 'NAK') return `${reply.yiaddr} to ${platform} ${agent}: ${reply.file}`
  const why = reply.options.get(OPTION.message) ?? new Uint8Array()
  return `${platform} ${agent} refused: ${Buffer.from(why).toString('latin1')}`
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

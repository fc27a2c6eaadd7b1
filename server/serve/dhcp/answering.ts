// What becomes of a DHCP request beside its reply: signs in the machine's timeline, figures, who asked in vain.
import type { Logger } from 'pino'
import type { PlanContext } from '../../plan/boot.ts'
import type { DhcpAnswer } from '../../plan/dhcp/answer.ts'
import type { Arrival } from '../../plan/dhcp/arrival.ts'
import { clientOf, strangePlatform } from '../../plan/dhcp/clients.ts'
import type { DhcpMessage } from '../../plan/dhcp/message.ts'
import { NO_ADDRESS, OPTION } from '../../plan/dhcp/message.ts'
import { messageType } from '../../plan/dhcp/options.ts'
import type { Metrics } from '../metrics.ts'
import type { Sign, Timeline } from '../timeline.ts'
import type { DhcpDoorOptions, DhcpVia } from './door.ts'
import { onceAnHour } from './quiet.ts'
import type { Seen } from './seen.ts'
import { askingBy, hardwareAddress } from './seen.ts'

export type Surroundings = Readonly<{
  context: () => PlanContext
  /** What this door answers. */
  plan: (context: PlanContext, request: DhcpMessage, arrival: Arrival | null) => DhcpAnswer
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
    const outcome = { outcome: outcomeOf(answer) }
    if (answer.kind === 'reply') {
      const asker = hardwareAddress(request)
      const sign = signOf(request, answer)
      const again = ({ sender }: DhcpVia): void => {
        metrics.dhcp.inc(outcome)
        seen.forget(asker)
        if (sign !== null) timeline.note({ ...sign, door: 'dhcp', peer: sender.address })
      }
      again(via)
      return { ...answer, again }
    }
    metrics.dhcp.inc(outcome)
    switch (answer.kind) {
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
function signOf(
  request: DhcpMessage,
  { machine, reply }: Extract<DhcpAnswer, { kind: 'reply' }>,
): Pick<Sign, 'machine' | 'stage' | 'detail'> | null {
  const client = bootingClient(request)
  return client === null ? null : { machine, stage: 'dhcp', detail: describeReply(reply, client) }
}

function bootingClient(request: DhcpMessage): string | null {
  const client = clientOf(request)
  if (client === null) return strangePlatform(request)
  return client.agent === 'system' ? null : `${client.platform} ${client.agent}`
}

function describeReply(reply: DhcpMessage, client: string): string {
  const text = (code: number): string => Buffer.from(reply.options.get(code) ?? []).toString('latin1')
  if (messageType(reply) === 'NAK') return `${client} refused: ${text(OPTION.message)}`
  const to = reply.yiaddr === NO_ADDRESS ? client : `${reply.yiaddr} to ${client}`
  const isSentOn = reply.options.has(OPTION.vendorClass) // by proxyDHCP, which tells it there what to boot
  return `${to}: ${text(OPTION.bootfile) || (isSentOn ? 'asked to port 4011' : 'no boot file')}`
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

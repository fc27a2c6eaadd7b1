// What becomes of a DHCPv6 request beside its reply: signs in the machine's timeline, figures, who asked in vain.
import type { Logger } from 'pino'
import type { PlanContext } from '../../plan/boot.ts'
import type { Dhcp6Answer } from '../../plan/dhcp6/answer.ts'
import { answerDhcp6 } from '../../plan/dhcp6/answer.ts'
import type { Arrival6 } from '../../plan/dhcp6/arrival.ts'
import { macOfClient } from '../../plan/dhcp6/asker.ts'
import { clientOf6 } from '../../plan/dhcp6/clients.ts'
import { hexOf, uuidsOfDuid } from '../../plan/dhcp6/identity.ts'
import type { Dhcp6Message } from '../../plan/dhcp6/message.ts'
import { OPTION6 } from '../../plan/dhcp6/message.ts'
import {
  associations,
  clientArchitecture6,
  clientId,
  optionOf,
  statusOf,
  vendorClass6,
} from '../../plan/dhcp6/options.ts'
import { onceAnHour } from '../quiet.ts'
import type { Asking, Seen } from '../dhcp/seen.ts'
import { printable } from '../dhcp/seen.ts'
import type { Metrics } from '../metrics.ts'
import type { Timeline } from '../timeline.ts'
import type { Dhcp6DoorOptions } from './door.ts'

type Surroundings6 = Readonly<{
  context: () => PlanContext
  duid: Uint8Array
  timeline: Timeline
  metrics: Pick<Metrics, 'dhcp6'>
  seen: Seen
  log: Logger
}>

/** As many machines as may quarrel over addresses at once, and be heard once an hour each. */
const maxQuarrels = 4096

export function dhcp6Answering(surroundings: Surroundings6): Dhcp6DoorOptions['answer'] {
  const { context, duid, metrics, seen } = surroundings
  const isNews = onceAnHour(maxQuarrels)
  return (request, arrival) => {
    const answer = answerDhcp6(context(), duid, request, arrival)
    metrics.dhcp6.inc({ outcome: outcomeOf(answer) })
    if (answer.kind === 'unserved') seen.note(askingBy6(request, arrival), answer)
    if (answer.kind !== 'reply' || answer.machine === null) return answer
    const { machine, quarrel } = answer
    if (quarrel === null) seen.forget(askingBy6(request, arrival).mac)
    if (quarrel === null) noteReply(surroundings, request, arrival, machine, answer.reply)
    else if (isNews(`${machine} ${quarrel}`)) noteQuarrel(surroundings, arrival, machine, quarrel)
    return answer
  }
}

function outcomeOf(answer: Dhcp6Answer): string {
  if (answer.kind !== 'reply') return answer.kind === 'ignore' ? 'ignored' : answer.kind
  if (answer.quarrel !== null) return 'declined'
  return (statusOf(answer.reply) ?? 0) === 0 ? 'answered' : 'refused'
}

/** A booting machine's requests are signs; an operating system renewing its lease is none. */
function noteReply(
  { timeline }: Surroundings6,
  request: Dhcp6Message,
  { sender }: Arrival6,
  machine: string,
  reply: Dhcp6Message,
): void {
  const client = clientOf6(request)
  if (client === null || client.agent === 'system') return
  const given = associations(reply).flatMap(({ addresses }) => addresses)
  const url = Buffer.from(optionOf(reply, OPTION6.bootfileUrl) ?? []).toString('utf8')
  const detail = `${given.length === 0 ? 'no address' : given.join(', ')} to ${client.platform} ${client.agent}: ${url || 'no boot file'}`
  timeline.note({ machine, stage: 'dhcp', detail, door: 'dhcp6', peer: sender })
}

/** RFC 8415 §18.3.8: the administrator is to be told. */
function noteQuarrel({ timeline, log }: Surroundings6, { sender }: Arrival6, machine: string, why: string): void {
  log.warn({ machine, via: sender }, `dhcp6: ${why}`)
  timeline.note({ machine, stage: 'dhcp', detail: why, door: 'dhcp6', peer: sender })
}

/** Whoever hides its MAC is known by its DUID. */
function askingBy6(request: Dhcp6Message, arrival: Arrival6): Asking {
  const duid = clientId(request) ?? new Uint8Array()
  const [relay] = request.relays
  const vendor = vendorClass6(request)?.words[0] ?? null
  return {
    mac: macOfClient(request, arrival) ?? hexOf(duid),
    vendorClass: vendor === null ? null : printable(vendor),
    architecture: clientArchitecture6(request),
    uuid: uuidsOfDuid(duid)[0] ?? null,
    via: relay?.linkAddress ?? arrival.interface?.name ?? arrival.sender,
  }
}

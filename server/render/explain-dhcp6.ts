// What DHCPv6 would answer a machine, value by value, each beside the row that it came from.
import type { MacAddress } from '../inventory/address.ts'
import type { PlanContext } from '../plan/boot.ts'
import { leaseSeconds } from '../plan/dhcp/host.ts'
import type { Platform } from '../plan/dhcp/clients.ts'
import type { AskingStage } from '../plan/dhcp/request.ts'
import { answerDhcp6 } from '../plan/dhcp6/answer.ts'
import { askerOf6 } from '../plan/dhcp6/asker.ts'
import type { Arrival6 } from '../plan/dhcp6/arrival.ts'
import { clientOf6 } from '../plan/dhcp6/clients.ts'
import { OPTION6 } from '../plan/dhcp6/message.ts'
import { associations } from '../plan/dhcp6/options.ts'
import { bootUrlOf } from '../plan/dhcp6/reply.ts'
import { solicitFrom } from '../plan/dhcp6/request.ts'
import type { Origin, Traced } from '../plan/settings.ts'
import type { ExplainedAnswer, ExplainedValue } from './explain.ts'

/** Asked on the machine's own link, by who shows its MAC in its DUID alone. */
const arrival: Arrival6 = { sender: '::', to: 'multicast', interface: null }
const anyServer = new Uint8Array(18)

/** Null where there is no DHCPv6: this server doesn't listen on IPv6, or the machine's network has no cidr6. */
export function explainDhcp6(
  context: PlanContext,
  mac: MacAddress,
  arch: Platform,
  stage: AskingStage,
): Readonly<{ answer: ExplainedAnswer; boots: boolean }> | null {
  const request = solicitFrom(mac, arch, stage)
  if (context.server.ipv6 === undefined) return null
  const answer = answerDhcp6(context, anyServer, request, arrival)
  if (answer.kind === 'ignore') return null
  const asked = { door: 'dhcp6', asks: `SOLICIT from ${mac} (${arch}, ${stage})`, text: null } as const
  const asker = askerOf6(context, request, arrival)
  if (answer.kind !== 'reply' || 'kind' in asker)
    return {
      boots: false,
      answer: { ...asked, answer: `silence: ${answer.kind === 'reply' ? '' : answer.why}`, values: [] },
    }
  const { settings, nic } = asker
  const client = clientOf6(request)
  const url =
    client === null ? null : bootUrlOf({ ...asker, request, server: context.server, serverDuid: anyServer }, client)
  const address = associations(answer.reply).flatMap(({ addresses }) => addresses)
  const fromInterface: Origin = { layer: 'interface', row: `${nic.machine}/${nic.name}`, column: 'ip6' }
  const values: readonly ExplainedValue[] = [
    { name: `address (${OPTION6.iaAddress})`, value: address.join(', '), origin: fromInterface },
    value(`DNS servers (${OPTION6.dnsServers})`, settings.dns6),
    value(`domain (${OPTION6.domainList})`, settings.domain),
    value('lease seconds', leaseSeconds(settings)),
    ...(url === null ? [] : [value(`boot file URL (${OPTION6.bootfileUrl})`, url)]),
  ]
  return {
    boots: url !== null,
    answer: {
      ...asked,
      answer: `ADVERTISE of ${address.join(', ')}`,
      values: values.filter((one) => one.value !== ''),
    },
  }
}

const value = (
  name: string,
  { value: given, origin }: Traced<readonly string[] | string | number | null>,
): ExplainedValue => ({
  name,
  value: typeof given === 'object' ? (given ?? []).join(', ') : String(given),
  origin,
})

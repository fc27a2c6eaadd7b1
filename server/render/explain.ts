// Every answer a machine would get at its next boot, door by door, with where each value came from. Opens nothing.
import type { MacAddress } from '../inventory/address.ts'
import type { Finding } from '../inventory/findings.ts'
import { findings } from '../inventory/findings.ts'
import { withoutSecrets } from '../inventory/secrets.ts'
import type { Plan } from '../plan/boot.ts'
import { planBoot } from '../plan/boot.ts'
import type { Bootfile, ToldBy } from '../plan/bootfile.ts'
import { bootfileFor, loaderOf } from '../plan/bootfile.ts'
import type { DhcpAnswer } from '../plan/dhcp/answer.ts'
import { answerDhcp } from '../plan/dhcp/answer.ts'
import type { Agent, Client, Platform } from '../plan/dhcp/clients.ts'
import { leaseSeconds } from '../plan/dhcp/host.ts'
import type { DhcpMessage } from '../plan/dhcp/message.ts'
import { NO_ADDRESS, OPTION } from '../plan/dhcp/message.ts'
import { ipv4Text, messageType, text } from '../plan/dhcp/options.ts'
import type { DhcpMode } from '../plan/dhcp/proxy.ts'
import { answerProxyDhcp, PXE_PORT } from '../plan/dhcp/proxy.ts'
import type { AskingStage } from '../plan/dhcp/request.ts'
import { discoverFrom, requestAfter } from '../plan/dhcp/request.ts'
import { effectiveMac } from '../plan/interfaces.ts'
import type { Origin, Settings, Traced } from '../plan/settings.ts'
import type { Artefact, RenderContext } from './catalogue.ts'
import { artefactsOf } from './catalogue.ts'
import { explainDhcp6 } from './explain-dhcp6.ts'

export const explainStages = ['firmware', 'ipxe', 'grub', 'http'] as const
export type ExplainStage = (typeof explainStages)[number]

export type ExplainedValue = Readonly<{ name: string; value: string; origin: Origin }>

/** One answer of one door: what is asked for, the values in the answer, and its bytes when they are text. */
export type ExplainedAnswer = Readonly<{
  door: 'dhcp' | 'dhcp6' | 'tftp' | 'http'
  asks: string
  answer: string
  values: readonly ExplainedValue[]
  text: string | null
}>

export type Explanation = Readonly<{
  machine: string | null
  arch: Platform
  stage: ExplainStage
  plan: Plan['kind']
  why: string
  findings: readonly Finding[]
  /** In the order in which the machine asks. */
  answers: readonly ExplainedAnswer[]
  /** Values that no answer shows but that decide what is in them. */
  settings: readonly ExplainedValue[]
}>

/** What the machine behind a MAC would be answered. A MAC of no machine is answered, too: with silence and why. */
export function explainBoot(
  context: RenderContext,
  mac: MacAddress,
  hostname: string | null,
  arch: Platform,
  stage: ExplainStage,
  mode: DhcpMode = 'server',
): Explanation {
  const plan = hostname === null ? null : planBoot(context, hostname)
  const settings = plan === null || plan.kind === 'ignore' ? null : plan.settings
  const asking: AskingStage = stage === 'grub' ? 'firmware' : stage
  const asker: Asker = { mac, settings, client: { platform: arch, agent: agentOf(asking) }, stage: asking, mode }
  const dhcp = explainDhcp(context, asker)
  const dhcp6 = explainDhcp6(context, mac, arch, asking)
  const boots = dhcp.boots || (dhcp6?.boots ?? false)
  return {
    machine: hostname,
    arch,
    stage,
    plan: plan?.kind ?? 'ignore',
    why: plan?.why ?? `no interface of the inventory has MAC ${mac}`,
    findings: hostname === null ? [] : findings(context.snapshot, hostname, context.known),
    answers: [
      ...dhcp.answers,
      ...(dhcp6 === null ? [] : [dhcp6.answer]),
      ...(settings === null || !boots ? [] : explainChain(context, asker, settings)),
    ],
    settings: settings === null ? [] : settingValues(settings),
  }
}

type Asker = Readonly<{
  mac: MacAddress
  /** Null for a stranger. */
  settings: Settings | null
  client: Client
  stage: AskingStage
  mode: DhcpMode
}>

const toldBy = ({ mode }: Asker): ToldBy => (mode === 'server' ? 'dhcp' : 'proxy')

function explainDhcp(
  context: RenderContext,
  asker: Asker,
): Readonly<{ answers: readonly ExplainedAnswer[]; boots: boolean }> {
  const { mac, settings, client, stage } = asker
  const answers = dhcpAnswers(context, asker).map(({ asks, answer }): ExplainedAnswer => {
    const asked = { door: 'dhcp', asks: `${asks} from ${mac} (${client.platform}, ${stage})`, text: null } as const
    if (answer.kind !== 'reply') return { ...asked, answer: `silence: ${answer.why}`, values: [] }
    const values = settings === null ? [] : dhcpValues(context, settings, answer.reply, asker)
    return { ...asked, answer: describeReply(answer.reply), values }
  })
  const isBootfile = ({ name }: ExplainedValue): boolean => name.startsWith('boot file')
  return { answers, boots: answers.some(({ values }) => values.some(isBootfile)) }
}

const describeReply = (reply: DhcpMessage): string =>
  `DHCP${messageType(reply) ?? ''} ${reply.yiaddr === NO_ADDRESS ? 'without an address' : `of ${reply.yiaddr}`}`

/** Whom it asks, in its order, until it knows what to boot. */
function dhcpAnswers(
  context: RenderContext,
  { mac, client, stage, mode }: Asker,
): readonly Readonly<{ asks: string; answer: DhcpAnswer }>[] {
  const discover = discoverFrom(mac, client.platform, stage)
  if (mode === 'server') return [{ asks: 'DHCPDISCOVER', answer: answerDhcp(context, discover) }]
  const offer = { asks: 'DHCPDISCOVER', answer: answerProxyDhcp(context, discover, 'dhcp') }
  const ack = {
    asks: `DHCPREQUEST on port ${PXE_PORT}`,
    answer: answerProxyDhcp(context, requestAfter(discover), 'pxe'),
  }
  if (mode === 'proxy-4011') return [ack]
  const asksAgain = offer.answer.kind === 'reply' && !offer.answer.reply.options.has(OPTION.bootfile)
  return asksAgain ? [offer, ack] : [offer]
}

const agentOf = (stage: AskingStage): Agent => (stage === 'firmware' ? 'pxe' : stage)

/** The values as they stand in the reply itself, each beside the row that it came from. */
function dhcpValues(
  { snapshot }: RenderContext,
  settings: Settings,
  reply: DhcpMessage,
  asker: Asker,
): readonly ExplainedValue[] {
  const { machine } = settings
  const nic = settings.nics.find((one) => effectiveMac(machine, one) === asker.mac) ?? settings.nic
  const network = nic?.network == null ? undefined : snapshot.networks.get(nic.network)
  const fromNetwork = (column: string): Origin => ({ layer: 'network', row: network?.name ?? '', column })
  const fromMachine = (column: string): Origin => ({ layer: 'machine', row: machine.hostname, column })
  const fromInterface = { layer: 'interface', row: `${machine.hostname}/${nic?.name ?? ''}`, column: 'ip' } as const
  const option = (name: string, code: number, read: ReadOption, origin: Origin): ExplainedValue => ({
    name: `${name} (${code})`,
    value: read(reply.options.get(code) ?? new Uint8Array()),
    origin,
  })
  const nextServer = { name: 'next-server (siaddr, 66)', origin: settings.serverAddress.origin }
  const bootfileOrigin = bootfileFor(settings, asker.client, toldBy(asker))?.origin
  const rows: readonly ExplainedValue[] = [
    { name: 'yiaddr', value: given(reply.yiaddr), origin: fromInterface },
    option('subnet mask', OPTION.subnetMask, addressesIn, fromNetwork('cidr')),
    option('router', OPTION.router, addressesIn, fromNetwork('gateway')),
    option('DNS servers', OPTION.domainNameServer, addressesIn, settings.dns.origin),
    option('host name', OPTION.hostname, text, fromMachine('hostname')),
    option('domain', OPTION.domainName, text, settings.domain.origin),
    option('MTU', OPTION.interfaceMtu, numberIn, fromNetwork('mtu')),
    option('broadcast', OPTION.broadcastAddress, addressesIn, fromNetwork('cidr')),
    option('NTP servers', OPTION.ntpServer, addressesIn, settings.ntp.origin),
    option('lease seconds', OPTION.leaseTime, numberIn, leaseSeconds(settings).origin),
    { ...nextServer, value: given(reply.siaddr) },
    option('boot file', OPTION.bootfile, text, bootfileOrigin ?? nextServer.origin),
  ]
  return rows.filter(({ value }) => value !== '')
}

const given = (address: string): string => (address === NO_ADDRESS ? '' : address)

type ReadOption = (value: Uint8Array) => string
const addressesIn: ReadOption = (value) =>
  Array.from({ length: value.length / 4 }, (_, index) => ipv4Text(value, index * 4)).join(', ')
const numberIn: ReadOption = (value) =>
  value.length === 0 ? '' : String(value.reduce((sum, octet) => sum * 256 + octet, 0))

const isGiven = (value: unknown): boolean =>
  value !== null && value !== '' && !(Array.isArray(value) && value.length === 0)
const shown = (value: unknown): string =>
  typeof value === 'string' ? value : Array.isArray(value) ? value.map(shown).join(', ') : JSON.stringify(value)

/** The loader, the menu it reads, and what that menu leads to. */
function explainChain(context: RenderContext, asker: Asker, settings: Settings): readonly ExplainedAnswer[] {
  const { client, stage } = asker
  const bootfile = bootfileFor(settings, client, toldBy(asker))
  if (bootfile === null) return []
  const menu = menuOf(bootfile.value)
  const overHttp = stage === 'http' || bootfile.value.name.startsWith('http')
  const loader: readonly ExplainedAnswer[] =
    menu === 'self'
      ? []
      : [
          file(overHttp ? 'http' : 'tftp', bootfile.value.path, [
            { name: 'loader', value: loaderOf(settings).value, origin: loaderOf(settings).origin },
          ]),
        ]
  const wanted = menu === 'self' ? 'ipxe' : menu
  const artefacts = artefactsOf(context, settings.machine.hostname)
  const chosen = artefacts.filter(({ artefact }) => artefact.name === wanted || artefact.name === 'kickstart')
  const asIpxe: Asker = { ...asker, client: { ...client, agent: 'ipxe' }, stage: 'ipxe' }
  const viaIpxe = menu === 'ipxe' ? explainDhcp(context, asIpxe).answers : []
  return [...loader, ...viaIpxe, ...chosen.flatMap((one) => explainArtefact(context, settings, one, wanted))]
}

/** Which menu a boot file leads to; `self` when the boot file is the menu. */
function menuOf({ path }: Bootfile): 'self' | 'pxelinux' | 'grub' | 'ipxe' {
  if (path.endsWith('.ipxe')) return 'self'
  if (path.includes('pxelinux')) return 'pxelinux'
  return /shim|grub/.test(path) ? 'grub' : 'ipxe'
}

const file = (door: 'tftp' | 'http', path: string, values: readonly ExplainedValue[]): ExplainedAnswer => ({
  door,
  asks: `/${path}`,
  answer: 'the file',
  values,
  text: null,
})

function explainArtefact(
  context: RenderContext,
  settings: Settings,
  { artefact, path }: Readonly<{ artefact: Artefact; path: string }>,
  menu: string,
): readonly ExplainedAnswer[] {
  const door = menu === 'ipxe' || artefact.name === 'kickstart' ? 'http' : 'tftp'
  const hostname = settings.machine.hostname
  const rendered = artefact.render(context, { artefact, hostname, guest: null })
  const answer: ExplainedAnswer =
    rendered.kind === 'none'
      ? { door, asks: `/${path}`, answer: `refused: ${rendered.why}`, values: [], text: null }
      : {
          door,
          asks: `/${path}`,
          answer: `${artefact.name}, ${Buffer.byteLength(rendered.text)} bytes`,
          values: [],
          text: rendered.text,
        }
  if (artefact.name === 'kickstart') return [{ ...answer, values: kickstartValues(settings) }]
  const plan = planBoot(context, hostname)
  if (plan.kind !== 'install' && plan.kind !== 'rescue') return [answer]
  const { kernel, initrd, image, args } = plan.boot
  const kernelDoor = menu === 'ipxe' ? 'http' : 'tftp'
  const column = (name: string): ExplainedValue => ({
    name: 'image',
    value: image.name,
    origin: { layer: 'image', row: image.name, column: name },
  })
  return [
    { ...answer, values: args.map(({ value, origin }) => ({ name: 'kernel argument', value, origin })) },
    file(kernelDoor, kernel, [column('kernel')]),
    ...(initrd === null ? [] : [file(kernelDoor, initrd, [column('initrd')])]),
  ]
}

/** A hash is not for a terminal that somebody looks at over a shoulder. */
function kickstartValues(settings: Settings): readonly ExplainedValue[] {
  return [
    ...settingValues(settings),
    ...[...settings.params].map(([name, { value, origin }]) => ({
      name: `params.${name}`,
      value: shown(withoutSecrets(name, value)),
      origin,
    })),
  ]
}

function settingValues(settings: Settings): readonly ExplainedValue[] {
  const { family, version, arch, template, image, disk, serialConsole, hypervisor, kernelArgs, repositories } = settings
  const rows: readonly (readonly [string, Traced<unknown>])[] = [
    ['family', family],
    ['version', version],
    ['arch', arch],
    ['template', template],
    ['image', { value: image.value?.name ?? null, origin: image.origin }],
    ['disk', disk],
    ['serial_console', serialConsole],
    ['hypervisor', hypervisor],
    ['kernel_args', kernelArgs],
    ['repositories', { value: repositories.value.map(({ url }) => url), origin: repositories.origin }],
  ]
  return rows.flatMap(([name, { value, origin }]) => (isGiven(value) ? [{ name, value: shown(value), origin }] : []))
}

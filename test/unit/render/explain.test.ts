// DESIGN §1: explain prints what will be served. So what it prints is compared with what is served: DHCP reply and bodies.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadTemplates } from '../../../server/cli/templates.ts'
import { parseMac } from '../../../server/inventory/address.ts'
import { changeSnapshot, emptySnapshot } from '../../../server/inventory/snapshot.ts'
import { answerDhcp } from '../../../server/plan/dhcp/answer.ts'
import type { Platform } from '../../../server/plan/dhcp/clients.ts'
import { platforms } from '../../../server/plan/dhcp/clients.ts'
import type { DhcpMessage } from '../../../server/plan/dhcp/message.ts'
import type { DhcpMode } from '../../../server/plan/dhcp/proxy.ts'
import { discoverFrom } from '../../../server/plan/dhcp/request.ts'
import type { RenderContext } from '../../../server/render/catalogue.ts'
import { artefactAt } from '../../../server/render/catalogue.ts'
import { decodeDhcp, encodeDhcp } from '../../../server/render/dhcp.ts'
import type { ExplainedAnswer, Explanation, ExplainStage } from '../../../server/render/explain.ts'
import { explainBoot, explainStages } from '../../../server/render/explain.ts'
import { templateEngine } from '../../../server/render/templates.ts'
import { address, snapshotOf } from '../../fixtures.ts'
import { armed, known, sampleRows } from './farm.ts'

const engine = templateEngine(loadTemplates(null))
const server = { advertise: address('192.0.2.1'), addresses: [], httpPort: 80 }
const contextOf = (snapshot: RenderContext['snapshot']): RenderContext => ({
  snapshot,
  server,
  known,
  now: Date.parse('2026-01-02T12:00:00.000Z'),
  engine,
})

const farm = armed(changeSnapshot(emptySnapshot, sampleRows('farm.yaml'), 1), 'acas0001')

function explain(
  mac: string,
  hostname: string | null,
  arch: Platform = 'bios',
  stage: ExplainStage = 'firmware',
  context = contextOf(farm),
): Explanation {
  const parsed = parseMac(mac)
  assert.ok(parsed)
  return explainBoot(context, parsed, hostname, arch, stage)
}

/** An option of the reply as it is on the wire, as a person would write it. */
function wire(reply: DhcpMessage, name: string): string {
  const code = Number(/\((\d+)\)/.exec(name)?.[1] ?? 0)
  const octets = [...(reply.options.get(code) ?? [])]
  if (name === 'yiaddr') return reply.yiaddr
  if (name.startsWith('next-server')) return reply.siaddr
  if ([1, 3, 6, 28, 42].includes(code))
    return octets
      .map((octet, index) => `${octet}${index % 4 < 3 ? '.' : index + 1 < octets.length ? ', ' : ''}`)
      .join('')
  if ([26, 51].includes(code)) return String(octets.reduce((sum, octet) => sum * 256 + octet, 0))
  return String.fromCharCode(...octets)
}

function replyTo(
  context: RenderContext,
  mac: string,
  arch: Platform,
  stage: 'firmware' | 'ipxe' | 'http',
): DhcpMessage {
  const parsed = parseMac(mac)
  assert.ok(parsed)
  const request = decodeDhcp(encodeDhcp(discoverFrom(parsed, arch, stage), { maxSize: 1500 }))
  const answer = answerDhcp(context, request)
  assert.ok(answer.kind === 'reply')
  return decodeDhcp(encodeDhcp(answer.reply, { maxSize: 1500 }))
}

const askedBy = (answer: ExplainedAnswer): 'firmware' | 'ipxe' | 'http' =>
  (/\(\S+, (firmware|ipxe|http)\)/.exec(answer.asks)?.[1] ?? '') as 'firmware' | 'ipxe' | 'http'

function compare(context: RenderContext, mac: string, made: Explanation): number {
  let compared = 0
  for (const answer of made.answers) {
    if (answer.door === 'dhcp') {
      const reply = replyTo(context, mac, made.arch, askedBy(answer))
      for (const { name, value } of answer.values)
        assert.equal(value, wire(reply, name), `${made.arch} ${made.stage} ${name}`)
      compared += answer.values.length
    } else if (answer.text !== null) {
      const ref = artefactAt(context.snapshot, answer.asks.slice(1))
      assert.ok(ref, answer.asks)
      assert.deepEqual(ref.artefact.render(context, ref), { kind: 'text', text: answer.text })
      compared++
    }
  }
  return compared
}

describe('every value printed is the one that is served', () => {
  for (const arch of platforms)
    for (const stage of explainStages)
      test(`${arch}, ${stage}`, () => {
        if (arch === 'bios' && stage === 'http') return // no BIOS boots over HTTP; its row would be a BIOS without a boot file
        const context = contextOf(farm)
        for (const [mac, hostname] of [
          ['00:00:5e:00:53:01', 'acas0001'],
          ['00:00:5e:00:53:07', 'acas0021'],
        ] as const)
          assert.ok(compare(context, mac, explain(mac, hostname, arch, stage)) >= 10)
      })

  test('a machine’s second card: its own address and mask, no router, no boot file, and no chain behind it', () => {
    const snapshot = snapshotOf(`
networks: {farm: {cidr: 192.0.2.0/24, gateway: 192.0.2.254, mtu: 9000}, lab: {cidr: 198.51.100.0/25, gateway: 198.51.100.1, mtu: 1400}}
profiles: {p: {}}
machines: {a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm}, eth1: {mac: 00:00:5e:00:53:02, ip: 198.51.100.11, network: lab}}}}`)
    const context = contextOf(snapshot)
    const made = explain('00:00:5e:00:53:02', 'a', 'bios', 'firmware', context)
    compare(context, '00:00:5e:00:53:02', made)
    const values = Object.fromEntries(
      made.answers[0]?.values.map(({ name, value, origin }) => [name, `${value} < ${origin.row}.${origin.column}`]) ??
        [],
    )
    assert.equal(values['yiaddr'], '198.51.100.11 < a/eth1.ip')
    assert.equal(values['subnet mask (1)'], '255.255.255.128 < lab.cidr')
    assert.equal(values['MTU (26)'], '1400 < lab.mtu')
    assert.deepEqual([values['router (3)'], values['boot file (67)'], made.answers.length], [undefined, undefined, 1])
  })

  test('what DHCP can’t carry is not printed: a time server that is a name', () => {
    const snapshot = snapshotOf(`site: {ntp: [ntp.example.org, 192.0.2.3]}
networks: {n: {cidr: 192.0.2.0/24}}
profiles: {p: {}}
machines: {a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: n}}}}`)
    const [dhcp] = explain('00:00:5e:00:53:01', 'a', 'bios', 'firmware', contextOf(snapshot)).answers
    assert.equal(dhcp?.values.find(({ name }) => name === 'NTP servers (42)')?.value, '192.0.2.3')
  })
})

describe('the way of a machine, in the order in which it asks', () => {
  const way = (
    arch: Platform,
    stage: ExplainStage,
    hostname = 'acas0001',
    mac = '00:00:5e:00:53:01',
    context = contextOf(farm),
  ): readonly string[] =>
    explain(mac, hostname, arch, stage, context).answers.map(
      ({ door, asks }) => `${door} ${asks.split(' from ')[0] ?? ''}`,
    )

  test('BIOS: PXELINUX, its menu, kernel and initrd over TFTP, the kickstart over HTTP', () => {
    assert.deepEqual(way('bios', 'firmware'), [
      'dhcp DHCPDISCOVER',
      'tftp /pxelinux.0',
      'tftp /pxelinux.cfg/01-00-00-5e-00-53-01',
      'tftp /images/sl5-i386/vmlinuz',
      'tftp /images/sl5-i386/initrd.img',
      'http /ks/acas0001',
    ])
  })

  test('UEFI: shim, then GRUB’s menu', () => {
    assert.deepEqual(way('uefi-x64', 'grub').slice(1, 3), [
      'tftp /shimx64.efi',
      'tftp /grub/grub.cfg-01-00-00-5e-00-53-01',
    ])
  })

  test('iPXE: its script and everything after it over HTTP', () => {
    assert.deepEqual(way('bios', 'ipxe'), [
      'dhcp DHCPDISCOVER',
      'http /ipxe/00:00:5e:00:53:01.ipxe',
      'http /images/sl5-i386/vmlinuz',
      'http /images/sl5-i386/initrd.img',
      'http /ks/acas0001',
    ])
  })

  test('UEFI HTTP boot: iPXE over HTTP, which asks DHCP again', () => {
    assert.deepEqual(way('uefi-x64', 'http').slice(0, 4), [
      'dhcp DHCPDISCOVER',
      'http /snponly.efi',
      'dhcp DHCPDISCOVER',
      'http /ipxe/00:00:5e:00:53:01.ipxe',
    ])
  })

  test('a machine that boots its disk gets as far as its menu', () => {
    assert.deepEqual(way('bios', 'firmware', 'acas0021', '00:00:5e:00:53:07'), [
      'dhcp DHCPDISCOVER',
      'tftp /pxelinux.0',
      'tftp /pxelinux.cfg/01-00-00-5e-00-53-07',
    ])
  })
})

describe('beside another DHCP server', () => {
  const [mac, hostname] = ['00:00:5e:00:53:01', 'acas0001'] as const
  const parsed = parseMac(mac) ?? assert.fail()
  const made = (arch: Platform, stage: ExplainStage, mode: DhcpMode): readonly ExplainedAnswer[] =>
    explainBoot(contextOf(farm), parsed, hostname, arch, stage, mode).answers
  const told = (answers: readonly ExplainedAnswer[]): readonly string[] =>
    answers.map(({ door, asks, answer }) => `${door} ${asks.split(' from ')[0] ?? ''}: ${answer.split(',')[0] ?? ''}`)

  test('a BIOS is told by broadcast; no value is of an address, and the loader is the one in the offer', () => {
    const answers = made('bios', 'firmware', 'proxy')
    assert.deepEqual(told(answers).slice(0, 2), [
      'dhcp DHCPDISCOVER: DHCPOFFER without an address',
      'tftp /pxelinux.0: the file',
    ])
    assert.deepEqual(
      answers[0]?.values.map(({ name, value }) => [name, value]),
      [
        ['next-server (siaddr, 66)', '192.0.2.1'],
        ['boot file (67)', 'pxelinux.0'],
      ],
    )
  })

  test('UEFI is sent to port 4011, and told of iPXE there, which asks by broadcast again', () => {
    const boot = [
      'tftp /snponly.efi: the file',
      'dhcp DHCPDISCOVER: DHCPOFFER without an address',
      'http /ipxe/00:00:5e:00:53:01.ipxe: ipxe',
    ]
    const ack = 'dhcp DHCPREQUEST on port 4011: DHCPACK without an address'
    const offer = 'dhcp DHCPDISCOVER: DHCPOFFER without an address'
    assert.deepEqual(told(made('uefi-x64', 'firmware', 'proxy')).slice(0, 5), [offer, ack, ...boot])
    const [origin = ''] = made('uefi-x64', 'firmware', 'proxy').flatMap(({ values }) =>
      values.filter(({ name }) => name.startsWith('boot file')).map((value) => value.origin.column),
    )
    assert.match(origin, /^GRUB before 2\.12/)
  })

  test('on the same host as the other, nothing is said by broadcast', () => {
    for (const stage of ['firmware', 'ipxe'] as const)
      assert.ok(
        made('bios', stage, 'proxy-4011')
          .filter(({ door }) => door === 'dhcp')
          .every(({ asks }) => asks.startsWith('DHCPREQUEST on port 4011')),
      )
  })

  test('a stranger is not told anything, and why', () => {
    const stranger = parseMac('00:00:5e:00:53:99') ?? assert.fail()
    const { answers } = explainBoot(contextOf(farm), stranger, null, 'bios', 'firmware', 'proxy')
    assert.deepEqual(told(answers), [
      'dhcp DHCPDISCOVER: silence: no interface of the inventory has MAC 00:00:5e:00:53:99',
    ])
  })
})

describe('provenance', () => {
  test('every value names the row and column it came from, or the rule behind it', () => {
    const made = explain('00:00:5e:00:53:01', 'acas0001')
    const told = (name: string): string | undefined => {
      const found = made.answers.flatMap(({ values }) => values).find((value) => value.name === name)
      return found && `${found.value} < ${found.origin.layer} ${found.origin.row}.${found.origin.column}`
    }
    assert.equal(told('yiaddr'), '192.0.2.11 < interface acas0001/eth0.ip')
    assert.equal(told('router (3)'), '192.0.2.254 < network farm.gateway')
    assert.equal(told('domain (15)'), 'farm.example.org < network farm.domain')
    assert.equal(told('lease seconds (51)'), '3600 < default .params.dhcp_lease_seconds')
    assert.equal(told('next-server (siaddr, 66)'), '192.0.2.1 < server configuration.advertise')
    assert.match(
      told('boot file (67)') ?? '',
      /^pxelinux\.0 < default boot files \(bios, pxe, loader auto\)\.PXELINUX reads/,
    )
    assert.equal(told('template'), 'el5.ks < profile sl5-dom0.template')
    assert.equal(told('hypervisor'), 'xen < profile dom0.hypervisor')
    assert.equal(told('params.timezone'), 'Etc/UTC < site timezone.value')
    for (const { origin } of made.answers.flatMap(({ values }) => values)) assert.notEqual(origin.column, '')
  })

  test('DESIGN §7: a password’s hash is not shown to whoever looks over a shoulder', () => {
    const secret = changeSnapshot(
      farm,
      [{ table: 'site', key: 'root_password_hash', raw: { name: 'root_password_hash', value: '"$6$geheim"' } }],
      9,
    )
    const made = explain('00:00:5e:00:53:01', 'acas0001', 'bios', 'firmware', contextOf(secret))
    const values = made.answers
      .flatMap((answer) => answer.values)
      .filter(({ name }) => name === 'params.root_password_hash')
    assert.deepEqual(
      values.map(({ value }) => value),
      ['(secret)'],
    )
  })
})

describe('no answer', () => {
  test('a stranger: silence and why', () => {
    const made = explain('00:00:5e:00:53:99', null)
    assert.deepEqual([made.machine, made.plan, made.answers.length], [null, 'ignore', 1])
    assert.equal(made.answers[0]?.answer, 'silence: no interface of the inventory has MAC 00:00:5e:00:53:99')
  })

  test('a withheld machine: silence, the finding, and nothing of what it would have got', () => {
    const spoiled = changeSnapshot(
      farm,
      [{ table: 'machines', key: 'acas0001', raw: { ...farm.machines.get('acas0001'), profile: 'nothing' } }],
      9,
    )
    const made = explain('00:00:5e:00:53:01', 'acas0001', 'bios', 'firmware', contextOf(spoiled))
    assert.equal(made.plan, 'ignore')
    assert.match(made.answers[0]?.answer ?? '', /^silence: acas0001 is withheld: machines acas0001: profile "nothing"/)
    assert.deepEqual([made.answers.length, made.settings, made.findings[0]?.field], [1, [], 'profile'])
  })
})

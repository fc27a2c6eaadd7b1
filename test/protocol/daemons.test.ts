// DESIGN §4, disk door: what the generated daemons hand out is what our own DHCP door hands out.
import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadTemplates, knownTemplates } from '../../server/cli/templates.ts'
import { changeSnapshot } from '../../server/inventory/snapshot.ts'
import { derivedMac } from '../../server/inventory/xen-mac.ts'
import { answerDhcp } from '../../server/plan/dhcp/answer.ts'
import type { DhcpMessage } from '../../server/plan/dhcp/message.ts'
import { OPTION } from '../../server/plan/dhcp/message.ts'
import { ascii, ipv4List, messageType, serverIdentifier, u16 } from '../../server/plan/dhcp/options.ts'
import { artefactAt } from '../../server/render/catalogue.ts'
import type { DaemonName, TargetContext } from '../../server/render/targets.ts'
import { daemonNames } from '../../server/render/targets.ts'
import { templateEngine } from '../../server/render/templates.ts'
import { address, snapshotOf, temporaryFolder } from '../fixtures.ts'
import { ended, serverAddress } from '../boot/network.ts'
import { clientCard, openLab, relayedRequest, relays, startDaemon, writeTarget } from './daemons-lab.ts'

const farm = snapshotOf(`
site: {ntp: [192.0.2.9]}
networks:
  farm: {cidr: 192.0.2.0/24, gateway: 192.0.2.254, dns: [192.0.2.1, 192.0.2.3], domain: farm.example.org, relay: 192.0.2.2}
  storage: {cidr: 198.51.100.0/24, gateway: 198.51.100.254, mtu: 9000, ntp: [198.51.100.3], next_server: 198.51.100.7}
  remote: {cidr: 10.7.0.0/16, gateway: 10.7.0.1, relay: 203.0.113.9, domain: remote.example.org}
  remote-too: {cidr: 10.8.0.0/24, gateway: 10.8.0.1, relay: 203.0.113.9}
profiles:
  metal: {}
  xen: {hypervisor: xen}
machines:
  plain: {profile: metal, interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm}, eth1: {mac: 00:00:5e:00:53:02, ip: 198.51.100.11, network: storage}}}
  chained: {profile: metal, params: {loader: ipxe, dhcp_lease_seconds: 600}, interfaces: {eth0: {mac: 02:00:00:00:0a:03, ip: 192.0.2.12, network: farm}}}
  stored: {profile: metal, domain: other.example.net, params: {loader: grub}, interfaces: {eth0.30: {mac: 00:00:5e:00:53:04, ip: 198.51.100.12, network: storage}}}
  far: {profile: metal, interfaces: {eth0: {mac: 00:00:5e:00:53:05, ip: 10.7.3.4, network: remote}}}
  farther: {profile: metal, interfaces: {eth0: {mac: 00:00:5e:00:53:06, ip: 10.8.0.4, network: remote-too}}}
  dom0: {profile: xen, memory_mib: 8192, interfaces: {eth0: {mac: 00:00:5e:00:53:07, ip: 192.0.2.13, network: farm, bridge: xenbr0}}}
  guest: {profile: metal, dom0: dom0, vdisk: /dev/sda5, memory_mib: 512, interfaces: {eth0: {ip: 192.0.2.14, network: farm}}}
  withheld: {profile: nosuch, interfaces: {eth0: {mac: 00:00:5e:00:53:08, ip: 192.0.2.15, network: farm}}}
`)

const sources = loadTemplates(null)
const context: Omit<TargetContext, 'folder'> = {
  snapshot: farm,
  server: { advertise: address(serverAddress), addresses: [], httpPort: 8080 },
  known: knownTemplates(sources),
  now: 0,
  engine: templateEngine(sources),
  loaders: [],
  imagesFolder: '/nonexistent',
}

/** Each card, and the relays it is asked for through. */
const cards = [
  { mac: '00:00:5e:00:53:01', relay: relays.farm },
  { mac: '00:00:5e:00:53:02', relay: relays.storage },
  { mac: '02:00:00:00:0a:03', relay: relays.farm },
  { mac: '00:00:5e:00:53:04', relay: relays.storage },
  { mac: '00:00:5e:00:53:05', relay: relays.outside },
  { mac: '00:00:5e:00:53:06', relay: relays.outside },
  { mac: '00:00:5e:00:53:07', relay: relays.farm },
  { mac: derivedMac('guest', 'eth0'), relay: relays.farm },
] as const

const vendor = (text: string): readonly [number, Uint8Array] => [OPTION.vendorClass, ascii(text)]
const arch = (type: number): readonly [number, Uint8Array] => [OPTION.clientArchitecture, u16(type)]
const pxe = (type: number) => [arch(type), vendor(`PXEClient:Arch:${String(type).padStart(5, '0')}:UNDI:003016`)]

const clients: Readonly<Record<string, readonly (readonly [number, Uint8Array])[]>> = {
  'BIOS PXE': pxe(0),
  'BIOS PXE without option 93': [vendor('PXEClient')],
  'UEFI x64 PXE': pxe(7),
  'UEFI x64 PXE as type 9': pxe(9),
  'UEFI ia32 PXE': pxe(6),
  'UEFI arm64 PXE': pxe(11),
  'UEFI x64 HTTP': [arch(16), vendor('HTTPClient:Arch:00016:UNDI:003001')],
  'UEFI x64 HTTP without option 60': [arch(16)],
  'UEFI arm64 HTTP': [arch(19), vendor('HTTPClient:Arch:00019:UNDI:003001')],
  'iPXE on BIOS': [...pxe(0), [OPTION.userClass, ascii('iPXE')], [OPTION.ipxe, Uint8Array.of(16, 1, 2)]],
  'iPXE on UEFI, by option 175 alone': [...pxe(7), [OPTION.ipxe, Uint8Array.of(16, 1, 2)]],
  'iPXE on UEFI, by an RFC 3004 user class': [...pxe(7), [OPTION.userClass, Uint8Array.of(4, ...ascii('iPXE'))]],
  'an architecture we have no loader for': pxe(2),
  'an operating system': [vendor('udhcp 1.35.0')],
  'an operating system without option 60': [],
}

/** What stands in a site's own configuration for the network `farm`. */
const siteSubnet: Readonly<Record<DaemonName, (folder: string) => string>> = {
  isc: () => 'subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.200 192.0.2.209; deny unknown-clients; }',
  kea: (folder) =>
    `{ "id": 1, "subnet": "192.0.2.0/24", "reservations": [ <?include "${folder}/networks/farm.json"?> ] },`,
  dnsmasq: () => 'dhcp-range=192.0.2.0,static,255.255.255.0',
}

/** What a client takes from a reply. Daemons differ in where they put the boot file: RFC 2132 §9.5 allows both. */
function taken(reply: DhcpMessage) {
  const octets = (code: number): string => Buffer.from(reply.options.get(code) ?? []).toString('hex')
  const text = (code: number): string =>
    Buffer.from(reply.options.get(code) ?? [])
      .toString('latin1')
      .replace(/\0$/, '')
  const boots = text(OPTION.bootfile) !== '' || reply.file !== ''
  return {
    type: messageType(reply),
    yiaddr: reply.yiaddr,
    mask: octets(OPTION.subnetMask),
    router: octets(OPTION.router),
    dns: octets(OPTION.domainNameServer),
    hostname: text(OPTION.hostname),
    domain: text(OPTION.domainName),
    mtu: octets(OPTION.interfaceMtu),
    broadcast: octets(OPTION.broadcastAddress),
    ntp: octets(OPTION.ntpServer),
    lease: octets(OPTION.leaseTime),
    vendorClass: text(OPTION.vendorClass),
    vendorSpecific: octets(OPTION.vendorSpecific),
    bootfile: text(OPTION.bootfile) === '' ? reply.file : text(OPTION.bootfile),
    nextServer: boots ? reply.siaddr : '',
    tftpServer: boots ? text(OPTION.tftpServerName) : '',
  }
}

/** What we would hand out, but for the script's name where the daemon can't put the MAC into it. */
function expected(daemon: DaemonName, asked: DhcpMessage) {
  const answer = answerDhcp(context, asked)
  assert.equal(answer.kind, 'reply')
  const own = taken(answer.reply)
  return daemon === 'isc'
    ? own
    : { ...own, bootfile: own.bootfile.replace(/ipxe\/[0-9a-f:]{17}\.ipxe$/, 'ipxe/boot.ipxe') }
}

describe('generated daemons', () => {
  let lab: Awaited<ReturnType<typeof openLab>>
  before(async () => {
    lab = await openLab()
  })
  after(() => lab.close())

  for (const daemon of daemonNames)
    describe(daemon, () => {
      test('hand every kind of client what our own door does, by OFFER and by ACK', async (t) => {
        await startDaemon(t, lab, daemon, writeTarget(t, context, daemon))
        for (const { mac, relay } of cards)
          for (const [name, options] of Object.entries(clients)) {
            const discover = relayedRequest('DISCOVER', mac, relay, options)
            const offer = await lab.ask(discover)
            assert.ok(offer, `no offer to ${mac} through ${relay}: ${name}`)
            assert.deepEqual(taken(offer), expected(daemon, discover), `OFFER to ${mac}: ${name}`)
            const wanted = [OPTION.requestedAddress, ipv4List([offer.yiaddr])] as const
            const chosen = [OPTION.serverIdentifier, ipv4List([serverIdentifier(offer) ?? ''])] as const
            const ack = await lab.ask(relayedRequest('REQUEST', mac, relay, [...options, wanted, chosen]))
            assert.ok(ack, `no ACK to ${mac}: ${name}`)
            assert.deepEqual(taken(ack), { ...expected(daemon, discover), type: 'ACK' }, `ACK to ${mac}: ${name}`)
          }
      })

      test('are silent to a machine that is withheld, to a stranger, and to a machine behind another network’s relay', async (t) => {
        await startDaemon(t, lab, daemon, writeTarget(t, context, daemon))
        const quiet = [
          ['00:00:5e:00:53:08', relays.farm],
          ['00:00:5e:00:53:99', relays.farm],
          ['00:00:5e:00:53:01', relays.storage],
          ['00:00:5e:00:53:01', relays.outside],
          ['00:00:5e:00:53:05', relays.farm],
        ] as const
        for (const [mac, relay] of quiet)
          assert.equal(
            await lab.ask(relayedRequest('DISCOVER', mac, relay, pxe(0)), 400),
            null,
            `${mac} through ${relay}`,
          )
      })

      test('leave out the subnets that the site declares itself, and give it the hosts for them', async (t) => {
        const site = {
          table: 'site',
          key: 'declared_subnets',
          raw: { name: 'declared_subnets', value: '["farm"]' },
        } as const
        const declared = { ...context, snapshot: changeSnapshot(farm, [site], 2) }
        await startDaemon(t, lab, daemon, writeTarget(t, declared, daemon), siteSubnet[daemon])
        for (const { mac, relay } of cards) {
          const discover = relayedRequest('DISCOVER', mac, relay, pxe(7))
          const offer = await lab.ask(discover)
          assert.ok(offer, `no offer to ${mac} through ${relay}`)
          assert.deepEqual(taken(offer), expected(daemon, discover), `OFFER to ${mac}`)
        }
      })

      test('boot a real client on the wire', async (t) => {
        await startDaemon(t, lab, daemon, writeTarget(t, context, daemon))
        const script = join(temporaryFolder(t), 'script')
        writeFileSync(
          script,
          '#!/bin/sh\n[ "$1" != bound ] || echo "$ip $mask $router $hostname $siaddr ${bootfile:-$boot_file}"\n',
          { mode: 0o755 },
        )
        const args = [
          '-i',
          clientCard,
          '-f',
          '-q',
          '-n',
          '-t',
          '5',
          '-T',
          '1',
          '-s',
          script,
          '-V',
          'PXEClient:Arch:00007:UNDI:003000',
          '-x',
          '0x5d:0007',
          '-O',
          'bootfile',
          '-O',
          'hostname',
        ]
        const said = await lab.runClient('00:00:5e:00:53:01', 'udhcpc', args)
        assert.match(said, /^192\.0\.2\.11 24 192\.0\.2\.254 plain 192\.0\.2\.1 shimx64\.efi$/m)
      })
    })

  test('tftpboot: tftpd-hpa serves the menus that our own doors do, loaders, and what leads to the menus', async (t) => {
    const loader = join(temporaryFolder(t), 'snponly.efi')
    writeFileSync(loader, 'a loader')
    const folder = writeTarget(
      t,
      { ...context, loaders: [{ name: 'snponly.efi', sha256: '', file: loader }] },
      'tftpboot',
    )
    chmodSync(folder, 0o755) // in.tftpd reads as nobody
    const daemon = lab.network.spawn('in.tftpd', ['-L', '-4', '--address', `${serverAddress}:69`, '--secure', folder])
    t.after(() => ended(daemon))
    const fetched = async (path: string, tries = 50): Promise<string> => {
      try {
        return await lab.runAway('curl', ['-sS', '--max-time', '10', `tftp://${serverAddress}/${path}`])
      } catch (cause) {
        if (tries === 0) throw new Error(`fetch ${path}`, { cause })
        await sleep(100) // it may not listen yet
        return fetched(path, tries - 1)
      }
    }
    const names = [
      'pxelinux.cfg/01-00-00-5e-00-53-01',
      'grub/grub.cfg-01-00-00-5e-00-53-01',
      'ipxe/00:00:5e:00:53:01.ipxe',
    ]
    for (const path of names) {
      const ref = artefactAt(farm, path)
      assert.ok(ref)
      assert.deepEqual(
        { kind: 'text', text: await fetched(path) },
        ref.artefact.render({ ...context, snapshot: farm }, ref),
        path,
      )
    }
    assert.equal(await fetched('snponly.efi'), 'a loader')
    assert.match(
      await fetched('ipxe/boot.ipxe'),
      /^chain .* http:\/\/\$\{next-server\}:8080\/ipxe\/\$\{netX\/mac\}\.ipxe/m,
    )
    assert.match(await fetched('grub/x86_64-efi/grub.cfg'), /^configfile \/grub\/grub\.cfg-01-/m)
  })
})

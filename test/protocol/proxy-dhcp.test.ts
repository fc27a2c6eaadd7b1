// proxyDHCP beside real DHCP servers that know nothing of booting, on another host and on the same.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { DhcpMessage, MessageType } from '../../server/plan/dhcp/message.ts'
import { MESSAGE_TYPE, NO_ADDRESS, OPTION } from '../../server/plan/dhcp/message.ts'
import { ascii, messageType, u16, u8, vendorClass } from '../../server/plan/dhcp/options.ts'
import { decodeDhcp, encodeDhcp } from '../../server/render/dhcp.ts'
import { giverNames, manualLines, startGiver } from './address-givers.ts'
import { requirePrograms } from './daemons-lab.ts'
import type { Lab, LabHost, LogLine, ServedLab } from './dhcp-lab.ts'
import { openLab, serveDhcp } from './dhcp-lab.ts'
import { watchPackets } from './packets.ts'

const inventory = `
networks: {farm: {cidr: 192.0.2.0/24}}
profiles: {p: {}}
machines: {a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:0a, ip: 192.0.2.10, network: farm}}}}
`
const known = '00:00:5e:00:53:0a'
const stranger = '00:00:5e:00:53:99'
const [ourAddress, theirAddress] = ['192.0.2.1', '192.0.2.2']
/** What the DHCP servers know. */
const hosts = [{ mac: known, ip: '192.0.2.10' }]
const leaseScript = join(import.meta.dirname, 'dhcp-clients/lease-script')

let lab: Lab
let ours: LabHost
let theirs: LabHost
let client: LabHost

before(async () => {
  requirePrograms()
  lab = await openLab()
  ours = await lab.addHost({ eth0: `farm ${ourAddress}/24` })
  theirs = await lab.addHost({ eth0: `farm ${theirAddress}/24` })
  client = await lab.addHost({ eth0: 'farm' })
})
after(() => lab.close())

const classOf = (architecture: number): string => `PXEClient:Arch:${String(architecture).padStart(5, '0')}:UNDI:003000`

type Answered = Readonly<{ from: string; message: DhcpMessage }>

/**
 * udhcpc takes a lease with that MAC, as a ROM of that architecture or as an operating system.
 * @returns the address, and all messages on the wire that it didn't send
 */
async function start(
  mac: string,
  architecture: number | null,
): Promise<Readonly<{ address: string; heard: readonly Answered[] }>> {
  await client.ip('address flush dev eth0')
  await client.ip(`link set eth0 address ${mac}`)
  const watch = await watchPackets(client, 'eth0', 'udp src port 67')
  const rom =
    architecture === null
      ? []
      : ['-V', classOf(architecture), '-x', `0x5d:${architecture.toString(16).padStart(4, '0')}`, '-O', '60']
  const said = await client.run('udhcpc', [
    '-i',
    'eth0',
    '-s',
    leaseScript,
    '-f',
    '-q',
    '-n',
    '-t',
    '20',
    '-T',
    '1',
    ...rom,
  ])
  await watch.until(({ payload }) => messageType(decodeDhcp(payload)) === 'ACK')
  await watch.close()
  return {
    address: /^bound (\S+)$/m.exec(said)?.[1] ?? '',
    heard: watch.packets().map(({ from, payload }) => ({ from: from.address, message: decodeDhcp(payload) })),
  }
}

/** Sends a message from the client's port 68 again and again; prints by whom it is answered, and with what. */
const asker = `
  import { createSocket } from 'node:dgram'
  const [hex, to, port, answers] = process.argv.slice(1)
  const heard = new Map()
  const socket = createSocket('udp4')
  socket.on('message', (datagram, sender) => {
    heard.set(sender.address, [sender.address, sender.port, datagram.toString('hex')].join(' '))
    if (heard.size < Number(answers)) return
    console.log([...heard.values()].join('\\n'))
    process.exit()
  })
  const send = () => socket.send(Buffer.from(hex, 'hex'), Number(port), to)
  socket.bind(68, () => {
    socket.setBroadcast(true)
    send()
    setInterval(send, 700)
  })
  setTimeout(() => process.exit(1), 30000)`

/** udhcpc would take the first offer, with or without an address; a ROM takes one of each kind. */
async function askAsRom(
  type: 'DISCOVER' | 'REQUEST',
  architecture: number,
  { to, port, ciaddr, answers }: Readonly<{ to: string; port: number; ciaddr: string; answers: number }>,
): Promise<readonly (Answered & Readonly<{ port: number }>)[]> {
  const request: DhcpMessage = {
    ...{ op: 'request', htype: 1, hops: 0, xid: 0x40114011, secs: 0, broadcast: true, ciaddr },
    ...{ yiaddr: NO_ADDRESS, siaddr: NO_ADDRESS, giaddr: NO_ADDRESS, sname: '', file: '' },
    chaddr: Uint8Array.from(known.split(':'), (octet) => Number.parseInt(octet, 16)),
    options: new Map([
      [OPTION.messageType, u8(MESSAGE_TYPE[type])],
      [OPTION.vendorClass, ascii(classOf(architecture))],
      [OPTION.clientArchitecture, u16(architecture)],
    ]),
  }
  const hex = Buffer.from(encodeDhcp(request, { maxSize: 1472 })).toString('hex')
  const words = [asker, hex, to, String(port), String(answers)]
  const said = await client.run(process.execPath, ['--input-type=module', '-e', ...words])
  return said
    .trim()
    .split('\n')
    .map((line) => {
      const [from = '', sentFrom = '', octets = ''] = line.split(' ')
      return { from, port: Number(sentFrom), message: decodeDhcp(Buffer.from(octets, 'hex')) }
    })
}

const askOn4011 = async (architecture: number, ciaddr: string) => {
  const [answer] = await askAsRom('REQUEST', architecture, { to: ourAddress, port: 4011, ciaddr, answers: 1 })
  return answer ?? assert.fail('no answer')
}

/** Each once: a client that is impatient asks again. */
const typesFrom = (heard: readonly Answered[], address: string): readonly (MessageType | null)[] => [
  ...new Set(heard.filter(({ from }) => from === address).map(({ message }) => messageType(message))),
]

describe('on another host than the DHCP server', () => {
  let server: ServedLab
  const closers: (() => Promise<void>)[] = []
  before(async () => {
    closers.push(await startGiver(theirs, 'dnsmasq', { card: 'eth0', hosts }))
    server = await serveDhcp(ours, inventory, [], ['--dhcp-mode', 'proxy'])
    closers.push(server.close)
  })
  after(async () => {
    for (const close of closers.toReversed()) await close()
  })
  const logged = (mac: string, wanted: string): Promise<LogLine> =>
    server.logged((line) => line['mac'] === mac && line.msg === wanted)

  test('the log says what is on', async () => {
    const { dhcpMode, dhcp, pxe } = await server.logged(({ msg }) => msg === 'serving')
    assert.deepEqual([dhcpMode, dhcp, pxe], ['proxy', 67, 4011])
  })

  test('an operating system hears from its DHCP server alone', async () => {
    const { address, heard } = await start(known, null)
    await logged(known, 'dhcp ignored')
    assert.equal(address, '192.0.2.10')
    assert.deepEqual([...new Set(heard.map(({ from }) => from))], [theirAddress])
  })

  test('PXE 2.1 §2.2: a ROM is offered its address from there, and a boot file from us', async () => {
    await client.ip('route replace 255.255.255.255/32 dev eth0')
    const everybody = { to: '255.255.255.255', port: 67, ciaddr: NO_ADDRESS, answers: 2 }
    const offers = new Map((await askAsRom('DISCOVER', 0, everybody)).map(({ from, message }) => [from, message]))
    const [given, told] = [offers.get(theirAddress) ?? assert.fail(), offers.get(ourAddress) ?? assert.fail()]
    assert.deepEqual([messageType(given), given.yiaddr, given.file], ['OFFER', '192.0.2.10', ''])
    assert.deepEqual([messageType(told), told.yiaddr, told.file], ['OFFER', NO_ADDRESS, 'pxelinux.0'])
    assert.deepEqual([told.siaddr, vendorClass(told)], [ourAddress, 'PXEClient'])
  })

  test('PXE 2.1 §2.2: with that address it asks on port 4011, and is answered from there', async () => {
    const { from, port, message } = await askOn4011(7, '192.0.2.10')
    assert.deepEqual([from, port, messageType(message)], [ourAddress, 4011, 'ACK'])
    assert.deepEqual([message.yiaddr, message.siaddr, message.file], [NO_ADDRESS, ourAddress, 'snponly.efi'])
  })

  test('a stranger’s ROM has an address from there and nothing from us, but is on the list', async () => {
    const { address, heard } = await start(stranger, 0)
    assert.match(address, /^192\.0\.2\.10\d$/)
    const { why } = await logged(stranger, 'dhcp: no answer')
    assert.equal(why, `no interface of the inventory has MAC ${stranger}`)
    assert.deepEqual(typesFrom(heard, ourAddress), [])
  })
})

for (const name of giverNames)
  describe(`on the same host as ${name}, with the manual’s lines`, () => {
    const closers: (() => Promise<void>)[] = []
    before(async () => {
      closers.push(await startGiver(ours, name, { card: 'eth0', hosts, more: await manualLines(name) }))
      closers.push((await serveDhcp(ours, inventory, [], ['--dhcp-mode', 'proxy-4011'])).close)
    })
    after(async () => {
      for (const close of closers.toReversed()) await close()
    })

    test('PXE 2.1 §2.2: a ROM hears of a PXE server there, and no boot file; an operating system hears of none', async () => {
      for (const architecture of [7, null]) {
        const { address, heard } = await start(known, architecture)
        assert.equal(address, '192.0.2.10')
        for (const { message } of heard) {
          assert.equal(vendorClass(message), architecture === null ? null : 'PXEClient')
          assert.deepEqual([message.file, message.options.has(OPTION.bootfile)], ['', false])
        }
        assert.deepEqual(typesFrom(heard, ourAddress), ['OFFER', 'ACK'])
      }
    })

    test('and the boot file on port 4011', async () => {
      const { from, port, message } = await askOn4011(7, '192.0.2.10')
      assert.deepEqual([from, port, message.yiaddr, message.file], [ourAddress, 4011, NO_ADDRESS, 'snponly.efi'])
    })
  })

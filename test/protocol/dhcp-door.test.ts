import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { describe, test, type TestContext } from 'node:test'
import { pino } from 'pino'
import { MESSAGE_TYPE, NO_ADDRESS, OPTION, type DhcpMessage, type MessageType } from '../../server/plan/dhcp/message.ts'
import { ascii, ipv4List, messageType, u16, u32, u8 } from '../../server/plan/dhcp/options.ts'
import { decodeDhcp, encodeDhcp } from '../../server/render/dhcp.ts'
import { openDhcpDoor, type DhcpDoorOptions, type DoorAnswer } from '../../server/serve/dhcp/door.ts'

const log = pino({ level: 'silent' })

function message(type: MessageType, fields: Partial<DhcpMessage> = {}): DhcpMessage {
  const { options, ...rest } = fields
  return {
    op: 'request',
    htype: 1,
    hops: 0,
    xid: 0x0badcafe,
    secs: 0,
    broadcast: false,
    ciaddr: NO_ADDRESS,
    yiaddr: NO_ADDRESS,
    siaddr: NO_ADDRESS,
    giaddr: NO_ADDRESS,
    chaddr: Uint8Array.from([0, 0, 0x5e, 0, 0x53, 1]),
    sname: '',
    file: '',
    options: new Map([[OPTION.messageType, u8(MESSAGE_TYPE[type])], ...(options ?? [])]),
    ...rest,
  }
}

const REPLY_TO: Partial<Record<MessageType, MessageType>> = { DISCOVER: 'OFFER', REQUEST: 'ACK', INFORM: 'ACK' }

/** Stands in for the plan: gives everybody 127.0.0.1, and says in option 43 whatever it was asked with there. */
function offerEverybody(request: DhcpMessage): DoorAnswer {
  const type = REPLY_TO[messageType(request) ?? 'OFFER']
  if (!type) return { kind: 'ignore', why: 'not a question' }
  const { xid, giaddr, ciaddr, chaddr, broadcast } = request
  const reply = message(type, { op: 'reply', xid, giaddr, ciaddr, chaddr, broadcast, yiaddr: '127.0.0.1' })
  const options = new Map([
    ...reply.options,
    [OPTION.serverIdentifier, ipv4List(['127.0.0.1'])] as const,
    [OPTION.leaseTime, u32(3600)] as const,
    [OPTION.subnetMask, ipv4List(['255.0.0.0'])] as const,
  ])
  return { kind: 'reply', reply: { ...reply, options }, reserved: '127.0.0.1' }
}

const encode = (request: DhcpMessage): Uint8Array => encodeDhcp(request, { maxSize: 1472 })

type Listener = Readonly<{ socket: Socket; port: number; next: () => Promise<{ message: DhcpMessage; size: number }> }>

async function listen(t: TestContext, address: string): Promise<Listener> {
  const socket = createSocket('udp4')
  const arrived: Buffer[] = []
  let onArrival = (): void => undefined
  socket.on('message', (octets) => {
    arrived.push(octets)
    onArrival()
  })
  socket.bind(0, address)
  await once(socket, 'listening')
  t.after(() => socket.close())
  const next = async () => {
    if (arrived.length === 0) await new Promise<void>((resolve) => (onArrival = resolve))
    const octets = arrived.shift() ?? assert.fail('woken without a datagram')
    return { message: decodeDhcp(octets), size: octets.length }
  }
  return { socket, port: socket.address().port, next }
}

async function open(t: TestContext, options: Partial<DhcpDoorOptions> = {}) {
  const door = await openDhcpDoor({
    address: '127.0.0.1',
    port: 0,
    answer: offerEverybody,
    log,
    ...options,
  })
  t.after(() => door.close())
  return door
}

describe('where replies go', () => {
  test('RFC 2131 §4.1: a relayed request is answered to giaddr on the port of relays', async (t) => {
    const relay = await listen(t, '127.0.0.9')
    const door = await open(t, { relayPort: relay.port })
    const client = await listen(t, '127.0.0.1')
    client.socket.send(encode(message('DISCOVER', { giaddr: '127.0.0.9' })), door.port, '127.0.0.1')
    const { message: offer } = await relay.next()
    assert.deepEqual([messageType(offer), offer.xid, offer.yiaddr], ['OFFER', 0x0badcafe, '127.0.0.1'])
  })

  test('RFC 2131 §4.1: a client with an address is answered there on the port of clients', async (t) => {
    const client = await listen(t, '127.0.0.7')
    const door = await open(t, { clientPort: client.port })
    client.socket.send(encode(message('REQUEST', { ciaddr: '127.0.0.7' })), door.port, '127.0.0.1')
    assert.equal(messageType((await client.next()).message), 'ACK')
  })

  test('RFC 2131 §4.1: a client without an address is answered by broadcast', async (t) => {
    const client = await listen(t, '0.0.0.0')
    const door = await open(t, { clientPort: client.port })
    client.socket.send(encode(message('DISCOVER')), door.port, '127.0.0.1')
    assert.equal(messageType((await client.next()).message), 'OFFER')
  })

  test('PXE 2.1: the door on 4011 answers to the address and port that asked', async (t) => {
    const client = await listen(t, '127.0.0.7')
    const door = await open(t, { replyToSender: true })
    client.socket.send(encode(message('REQUEST', { ciaddr: '127.0.0.8', giaddr: '127.0.0.9' })), door.port, '127.0.0.1')
    assert.equal(messageType((await client.next()).message), 'ACK')
  })
})

const moduleUrl = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href)
const hexOf = (request: DhcpMessage): string => JSON.stringify(Buffer.from(encode(request)).toString('hex'))

/** Both doors get a request whose source port is 0, which takes a raw socket, and say that they dropped it. */
const SOURCE_PORT_ZERO = `
  import { execFileSync } from 'node:child_process'
  import { pino } from 'pino'
  const { openDhcpDoor } = await import(${moduleUrl('../../server/serve/dhcp/door.ts')})
  const { openTftpDoor } = await import(${moduleUrl('../../server/serve/tftp/door.ts')})
  let said = ''
  const log = pino({ level: 'debug' }, { write: (line) => (said += line) })
  const answered = () => console.log('answered')
  const listening = { address: '127.0.0.1', port: 0, log }
  const doors = [
    [await openTftpDoor({ ...listening, resolve: answered }), Buffer.from('\\0\\x01file\\0octet\\0').toString('hex')],
    [await openDhcpDoor({ ...listening, answer: answered }), ${hexOf(message('DISCOVER'))}],
  ]
  const perl = 'use Socket; my ($port, $hex) = @ARGV; my $octets = pack "H*", $hex;' +
    'socket(my $raw, PF_INET, SOCK_RAW, 17) or die $!;' +
    'send($raw, pack("nnnn", 0, $port, 8 + length $octets, 0) . $octets, 0, pack_sockaddr_in(0, inet_aton("127.0.0.1"))) or die $!'
  for (const [door, hex] of doors) execFileSync('perl', ['-e', perl, String(door.port), hex])
  while (said.split('source port 0').length < 3) await new Promise((later) => setTimeout(later, 2))
  for (const [door] of doors) await door.close()
  console.log('both dropped it')`

/** Runs a program in a network namespace that has nothing but loopback; resolves with what it printed. */
function inLonelyNetwork(program: string): Promise<string> {
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', program]
  const args = ['--user', '--map-root-user', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...node]
  return new Promise((resolve, reject) => {
    execFile('unshare', args, { timeout: 60_000 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout.trim())
      const missing = error.code === 'ENOENT' || /\bip: not found|ENOENT/.test(stderr)
      const hint = missing ? 'install the Debian packages util-linux, iproute2 and perl' : stderr
      reject(new Error(`no network namespace for the test: ${hint}`, { cause: error }))
    })
  })
}

describe('the size of replies', () => {
  const long: DoorAnswer = {
    kind: 'reply',
    reserved: '127.0.0.1',
    reply: message('OFFER', {
      op: 'reply',
      options: new Map([
        [OPTION.vendorSpecific, new Uint8Array(250)],
        [OPTION.bootfile, ascii('a'.repeat(100))],
        [OPTION.maxMessageSize, new Uint8Array(2)],
      ]),
    }),
  }
  const cases: [string, number | null, number][] = [
    ['without option 57 a reply is at most 576 octets of IP, so 548 of message', null, 548],
    ['an option 57 below the legal 576 counts as 576', 300, 548],
    ['with option 57 at 1500 the same reply needs no overload', 1500, 240 + 3 + 252 + 102 + 4 + 1],
  ]
  for (const [what, maxSize, expected] of cases) {
    test(`RFC 2131 §2: ${what}`, async (t) => {
      const relay = await listen(t, '127.0.0.9')
      const door = await open(t, { relayPort: relay.port, answer: () => long })
      const options = new Map(maxSize === null ? [] : [[OPTION.maxMessageSize, u16(maxSize)] as const])
      relay.socket.send(encode(message('DISCOVER', { giaddr: '127.0.0.9', options })), door.port, '127.0.0.1')
      const { message: reply, size } = await relay.next()
      assert.ok(size <= expected && (expected === 548 || size === expected), `${size} octets`)
      assert.deepEqual(new Set(reply.options.keys()), new Set([53, 43, 67, 57]))
    })
  }
})

describe('what must not end the door', () => {
  test('junk, replies, answers that throw and replies that cannot be encoded are dropped, and the next is answered', async (t) => {
    const relay = await listen(t, '127.0.0.9')
    const answer = (request: DhcpMessage): DoorAnswer => {
      if (request.xid === 1) throw new Error('the plan is broken')
      if (request.xid === 2)
        return { ...offerEverybody(request), reply: { ...message('OFFER'), siaddr: 'nonsense' } } as DoorAnswer
      if (request.xid === 3) return { kind: 'ignore', why: 'a stranger' }
      return offerEverybody(request)
    }
    const door = await open(t, { relayPort: relay.port, answer })
    const giaddr = '127.0.0.9'
    const discover = encode(message('DISCOVER', { giaddr }))
    const bad = [
      new Uint8Array(0),
      new Uint8Array(1),
      new Uint8Array(300),
      Buffer.alloc(60_000, 0xff),
      discover.subarray(0, 242),
      encode(message('OFFER', { giaddr, op: 'reply' })),
      ...[1, 2, 3].map((xid) => encode(message('DISCOVER', { giaddr, xid }))),
      discover,
    ]
    for (const octets of bad) {
      await new Promise((sent) => relay.socket.send(octets, door.port, '127.0.0.1', sent))
    }
    assert.equal((await relay.next()).message.xid, 0x0badcafe)
    relay.socket.send(encode(message('DISCOVER', { giaddr, xid: 77 })), door.port, '127.0.0.1')
    assert.equal((await relay.next()).message.xid, 77)
  })

  test('a datagram from source port 0, which nobody can answer, is dropped by the DHCP and the TFTP door', async () => {
    assert.equal(await inLonelyNetwork(SOURCE_PORT_ZERO), 'both dropped it')
  })

  test('a reply that the kernel refuses to send is logged, and the next request is answered', async (t) => {
    const relay = await listen(t, '127.0.0.9')
    const door = await open(t, { relayPort: relay.port })
    // From a socket bound to 127.0.0.1 the kernel sends nothing off the loopback: EINVAL, and no packet leaves.
    relay.socket.send(encode(message('DISCOVER', { giaddr: '192.0.2.9' })), door.port, '127.0.0.1')
    relay.socket.send(encode(message('DISCOVER', { giaddr: '127.0.0.9' })), door.port, '127.0.0.1')
    assert.equal(messageType((await relay.next()).message), 'OFFER')
  })

  test('a door that cannot listen says where it tried to', async () => {
    await assert.rejects(openDhcpDoor({ address: '192.0.2.1', port: 0, answer: offerEverybody, log }), {
      message: 'listen for DHCP on 192.0.2.1 port 0',
    })
  })

  test('a door closes once, however often it is told to', async (t) => {
    const door = await open(t)
    await Promise.all([door.close(), door.close()])
  })
})

type Parsed = Readonly<{ op: number; xid: number; yiaddr: string; options: Readonly<Record<number, unknown>> }>
type NpmDhcpProtocol = Readonly<{ parse: (octets: Buffer) => Parsed }>

test('the npm package dhcp reads what we write: an independent codec agrees', async (t) => {
  const protocol = createRequire(import.meta.url)('dhcp/lib/protocol.js') as NpmDhcpProtocol
  const relay = await listen(t, '127.0.0.9')
  const door = await open(t, { relayPort: relay.port })
  const raw = once(relay.socket, 'message') as Promise<[Buffer]>
  relay.socket.send(encode(message('DISCOVER', { giaddr: '127.0.0.9' })), door.port, '127.0.0.1')
  const { op, xid, yiaddr, options } = protocol.parse((await raw)[0])
  assert.deepEqual({ op, xid, yiaddr }, { op: 2, xid: 0x0badcafe, yiaddr: '127.0.0.1' })
  assert.deepEqual([options[53], options[54], options[51], options[1]], [2, '127.0.0.1', 3600, '255.0.0.0'])
})

// A client that behaves, and repeats what is not answered as real ones do: with ever longer waits.
import { execFile } from 'node:child_process'
import type { Socket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { promisify } from 'node:util'
import type { Platform } from '../../server/plan/dhcp/clients.ts'
import type { DhcpMessage } from '../../server/plan/dhcp/message.ts'
import { MESSAGE_TYPE, NO_ADDRESS, OPTION } from '../../server/plan/dhcp/message.ts'
import { formatMac, messageType, u8 } from '../../server/plan/dhcp/options.ts'
import type { DhcpMode } from '../../server/plan/dhcp/proxy.ts'
import { discoverFrom } from '../../server/plan/dhcp/request.ts'
import { decodeDhcp6 } from '../../server/render/dhcp6.ts'
import { decodeDhcp, encodeDhcp } from '../../server/render/dhcp.ts'
import type { MacAddress } from '../../server/inventory/address.ts'
import { error, rrq } from '../protocol/tftp-client.ts'
import { GOOD, SERVER } from './farm.ts'
import { PORT, solicit } from './shots.ts'
import type { Served } from './stage.ts'

/** RFC 2131 §4.1 doubles from four seconds; here the first wait is shorter. */
const WAITS_MS = [250, 500, 1000, 2000, 4000, 8000, 8000, 8000, 8000, 8000]

export type GoodClient = Readonly<{
  /** DISCOVER to ACK, by broadcast; of a proxy, which gives none, what there is to boot. */
  takeAddress: () => Promise<void>
  /** Resolves when the doors have taken everything that was sent to them before. */
  heardAll: () => Promise<void>
  /** An address, and files over TFTP and HTTP, each as it is on disk. */
  boot: () => Promise<void>
  close: () => void
}>

export async function openGoodClient(
  { files }: Pick<Served, 'files'>,
  dhcpMode: DhcpMode = 'server',
): Promise<GoodClient> {
  const dhcp = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
  dhcp.bind(PORT.dhcpClient, '0.0.0.0')
  const dhcp6 = createSocket({ type: 'udp6', ipv6Only: true })
  dhcp6.bind(PORT.dhcp6Client, '::')
  const tftp = createSocket('udp4')
  tftp.bind(0, GOOD.ipv4)
  const tftp6 = createSocket({ type: 'udp6', ipv6Only: true })
  tftp6.bind(0, GOOD.ipv6)
  const sockets = [dhcp, dhcp6, tftp, tftp6]
  await Promise.all(sockets.map((socket) => once(socket, 'listening')))
  dhcp.setBroadcast(true)
  const counter = { xid: 1 }
  const given = dhcpMode === 'server' ? GOOD.ipv4 : NO_ADDRESS

  async function askDhcp(
    type: 'DISCOVER' | 'REQUEST',
    { to, port = PORT.dhcp, platform = 'bios', message = {} }: Question,
  ): Promise<DhcpMessage> {
    const xid = counter.xid++
    const discover = discoverFrom(GOOD.mac as MacAddress, platform, 'firmware')
    const options = new Map([
      ...discover.options,
      ...(message.options ?? []),
      [OPTION.messageType, u8(MESSAGE_TYPE[type])] as const,
    ])
    const octets = encodeDhcp({ ...discover, ...message, xid, options }, { maxSize: 548 })
    return asked(
      dhcp,
      `DHCP ${type} to port ${port}`,
      () => dhcp.send(octets, port, to),
      (datagram) => {
        const reply = decodeDhcp(datagram)
        return reply.xid === xid && reply.yiaddr === given && formatMac(reply.chaddr) === GOOD.mac ? reply : null
      },
    )
  }

  async function takeAddress(): Promise<void> {
    const offer = await askDhcp('DISCOVER', { to: EVERYBODY })
    const server = offer.options.get(OPTION.serverIdentifier) ?? new Uint8Array()
    const options = new Map([
      [OPTION.serverIdentifier, server],
      [OPTION.requestedAddress, Uint8Array.from(GOOD.ipv4.split('.'), Number)],
    ])
    const ack = await askDhcp('REQUEST', { to: EVERYBODY, message: { options } })
    if (messageType(ack) !== 'ACK') throw new Error(`a good client's REQUEST got ${messageType(ack) ?? 'BOOTP'}`)
  }

  /** PXE 2.1 §2.2: a BIOS is told at once, UEFI on port 4011. */
  async function askProxy(): Promise<void> {
    const offers = await Promise.all(
      (['bios', 'uefi-x64'] as const).map((platform) => askDhcp('DISCOVER', { to: EVERYBODY, platform })),
    )
    const ack = await askDhcp('REQUEST', { to: SERVER.ipv4, port: PORT.pxe, platform: 'uefi-x64', message: HOLDING })
    const told = [...offers, ack].map(({ file }) => file).join()
    if (told !== 'pxelinux.0,,snponly.efi') throw new Error(`a good client was told to boot ${told}`)
  }

  const renew = (): Promise<unknown> => askDhcp('REQUEST', { to: SERVER.ipv4, message: HOLDING })

  /** What its door for DHCP, or each of the proxy's, has taken. */
  const heardDhcp = (): Promise<unknown> =>
    dhcpMode === 'server' ? Promise.all([askDhcp('DISCOVER', { to: EVERYBODY }), renew()]) : askProxy()

  function solicitAnswer(): Promise<unknown> {
    const id = counter.xid++ & 0xffffff
    const octets = solicit(GOOD.mac, id)
    const ask = (): void => dhcp6.send(octets, PORT.dhcp6, 'ff02::1:2%eth0')
    return asked(dhcp6, 'SOLICIT', ask, (datagram) => (decodeDhcp6(datagram).transactionId === id ? true : null))
  }

  function missFile(socket: Socket, server: string): Promise<unknown> {
    const name = `no-such-file-${counter.xid++}`
    const ask = (): void => socket.send(rrq(name), PORT.tftp, server)
    return asked(socket, `TFTP at ${server}`, ask, (datagram) => (datagram[1] === ERROR[1] ? true : null))
  }

  const begin = dhcpMode === 'server' ? takeAddress : askProxy

  async function boot(): Promise<void> {
    await begin()
    const loader = files['loaders/pxelinux.0']
    await fetched(`tftp://${SERVER.ipv4}/pxelinux.0`, loader)
    await fetched(`tftp://[${SERVER.ipv6}]/pxelinux.0`, loader)
    await fetched(`http://${SERVER.ipv4}/images/el9/vmlinuz`, files['images/el9/vmlinuz'])
  }

  return {
    takeAddress: begin,
    heardAll: async () => {
      await Promise.all([heardDhcp(), solicitAnswer(), missFile(tftp, SERVER.ipv4), missFile(tftp6, SERVER.ipv6)])
    },
    boot,
    close: () => {
      for (const socket of sockets) socket.close()
    },
  }
}

const ERROR = error(1, '')
const EVERYBODY = '255.255.255.255'
/** Of who has the address already. */
const HOLDING = { ciaddr: GOOD.ipv4, broadcast: false } as const

type Question = Readonly<{ to: string; port?: number; platform?: Platform; message?: Partial<DhcpMessage> }>

/** @param read null for what is not the answer; what it throws on is none either */
async function asked<T>(
  socket: Socket,
  what: string,
  ask: () => void,
  read: (datagram: Buffer) => T | null,
): Promise<T> {
  for (const waitMs of WAITS_MS) {
    const answer = await new Promise<T | null>((resolve) => {
      const hear = (datagram: Buffer): void => {
        const found = attempt(() => read(datagram))
        if (found !== null) end(found)
      }
      const end = (found: T | null): void => {
        clearTimeout(timer)
        socket.off('message', hear)
        resolve(found)
      }
      const timer = setTimeout(() => end(null), waitMs)
      socket.on('message', hear)
      ask()
    })
    if (answer !== null) return answer
  }
  throw new Error(`a good client's ${what} is not answered`)
}

function attempt<T>(read: () => T | null): T | null {
  try {
    return read()
  } catch {
    return null
  }
}

const run = promisify(execFile)

/** curl repeats blocks and requests by itself, and begins anew when that did not help. */
export async function fetched(url: string, expected: Buffer): Promise<void> {
  const options = [
    '-s',
    '-S',
    '-g',
    '-m',
    '30',
    '--retry',
    '5',
    '--retry-all-errors',
    '--retry-connrefused',
    '--retry-delay',
    '1',
  ]
  const { stdout } = await run('curl', [...options, url], { encoding: 'buffer', maxBuffer: 64 << 20 }).catch(
    (cause: unknown) => {
      throw new Error(`a good client does not get ${url}`, { cause })
    },
  )
  if (!stdout.equals(expected))
    throw new Error(`a good client got ${stdout.length} octets of ${url} that are not its own`)
}

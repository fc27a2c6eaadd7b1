// A relay that wants to be taken for the server (RFC 5107), run as a program: its own address on the clients' wire, on the
// server's, and the server's. Octets go through as they are but for giaddr and option 82.
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

const [near = '', far = '', server = ''] = process.argv.slice(2)
const [SERVER_PORT, CLIENT_PORT] = [67, 68]
/** Of RFC 2131 §2's fields. */
const AT = { ciaddr: 12, giaddr: 24, options: 240 } as const
const [PAD, RELAY_AGENT, END] = [0, 82, 255]

const quads = (address: string): readonly number[] => address.split('.').map(Number)

/** Where each option begins and ends; END and what follows it are none. */
function* optionsOf(message: Buffer): Generator<Readonly<{ code: number; from: number; to: number }>> {
  for (let from: number = AT.options; from < message.length && message[from] !== END;) {
    const code = message[from] ?? END
    const to = code === PAD ? from + 1 : from + 2 + (message[from + 1] ?? 0)
    yield { code, from, to }
    from = to
  }
}

const withoutRelay = (message: Buffer): Buffer =>
  Buffer.concat([
    message.subarray(0, AT.options),
    ...[...optionsOf(message)]
      .filter(({ code }) => code !== RELAY_AGENT)
      .map(({ from, to }) => message.subarray(from, to)),
  ])

/** RFC 3527: sub-option 5 is the clients' subnet; RFC 5107: 11 is whom they are to take for the server. */
function upwards(message: Buffer): Buffer {
  const said = [1, 3, ...Buffer.from('far'), 5, 4, ...quads(near), 11, 4, ...quads(near)]
  const relayed = Buffer.concat([withoutRelay(message), Buffer.from([RELAY_AGENT, said.length, ...said, END])])
  relayed.set(quads(far), AT.giaddr)
  return relayed
}

/** To whom has no address yet by broadcast. */
function downwards(message: Buffer): Readonly<{ octets: Buffer; to: string }> {
  const octets = Buffer.concat([withoutRelay(message), Buffer.of(END)])
  octets.set(quads('0.0.0.0'), AT.giaddr)
  const ciaddr = [...octets.subarray(AT.ciaddr, AT.ciaddr + 4)].join('.')
  return { octets, to: ciaddr === '0.0.0.0' ? '255.255.255.255' : ciaddr }
}

async function open(address: string): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  socket.bind(SERVER_PORT, address)
  await once(socket, 'listening')
  socket.setBroadcast(true)
  return socket
}

const [everything, clients, servers] = await Promise.all(['0.0.0.0', near, far].map(open))
for (const socket of [everything, clients])
  socket?.on('message', (message) => servers?.send(upwards(message), SERVER_PORT, server))
servers?.on('message', (message) => {
  const { octets, to } = downwards(message)
  clients?.send(octets, CLIENT_PORT, to)
})
process.stdout.write('relaying\n')

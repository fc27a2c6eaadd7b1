// A DHCP relay in a network namespace of its own: asks what it is told on standard input, prints what it is answered.
// Each line `{"from","to","octets","waitMs"}` is answered by one line: the reply's octets in hex, or `-`.
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

type Question = Readonly<{ from: string; to: string; octets: string; waitMs: number }>

const sockets = new Map<string, Socket>()

async function socketAt(address: string): Promise<Socket> {
  const known = sockets.get(address)
  if (known !== undefined) return known
  const socket = createSocket('udp4')
  socket.bind(67, address)
  await once(socket, 'listening')
  sockets.set(address, socket)
  return socket
}

async function ask({ from, to, octets, waitMs }: Question): Promise<string> {
  const socket = await socketAt(from)
  const xid = octets.slice(8, 16)
  return new Promise((resolve) => {
    const done = (reply: string): void => {
      clearTimeout(timer)
      clearInterval(again)
      socket.off('message', take)
      resolve(reply)
    }
    const take = (datagram: Buffer): void => {
      const reply = datagram.toString('hex')
      if (reply.slice(8, 16) === xid) done(reply)
    }
    const timer = setTimeout(() => done('-'), waitMs)
    socket.on('message', take)
    const send = (): void => socket.send(Buffer.from(octets, 'hex'), 67, to)
    const again = setInterval(send, 700) // the host may be busy, and a daemon's socket small
    send()
  })
}

for await (const line of createInterface({ input: process.stdin })) console.log(await ask(JSON.parse(line) as Question))
for (const socket of sockets.values()) socket.close()

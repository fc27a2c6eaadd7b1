// A wire in between that loses, doubles, delays and reorders datagrams: to a client it is the server, port by port.
// (tc's netem would do the same below the sockets, but many kernels are built without it.)
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

export type Badness = Readonly<{
  /** From 0 to 1, of datagrams in either direction. */
  loss: number
  duplicates: number
  /** Those that are held back, by up to `delayMs`, so that others overtake them. */
  late: number
  delayMs: number
}>

/**
 * Does what is handed to it as often, and as late, as that makes it.
 * @param random gives numbers from 0 up to 1
 */
export function badly({ loss, duplicates, late, delayMs }: Badness, random: () => number) {
  let lost = 0
  return {
    carry: (send: () => void): void => {
      const copies = random() < loss ? 0 : random() < duplicates ? 2 : 1
      if (copies === 0) lost++
      for (let copy = 0; copy < copies; copy++)
        if (random() < late) setTimeout(send, random() * delayMs)
        else send()
    },
    lost: () => lost,
  }
}

type BadWire = Readonly<{
  /** Where clients ask, on 127.0.0.1. */
  port: number
  lost: () => number
  close: () => void
}>

/** @param random gives numbers from 0 up to 1 */
export async function openBadWire(server: number, badness: Badness, random: () => number): Promise<BadWire> {
  const sockets = new Set<Socket>()
  /** For each port of a client, the socket that asks the server for it. */
  const askers = new Map<number, Promise<Socket>>()
  const wire = badly(badness, random)
  let isOpen = true

  async function open(): Promise<Socket> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    sockets.add(socket)
    return socket
  }

  function carry(datagram: Buffer, from: Socket, to: number): void {
    wire.carry(() => {
      if (isOpen) from.send(datagram, to, '127.0.0.1')
    })
  }

  /** To the server this is the client; each port of the server that answers gets one towards the client. */
  async function openAsker(client: number, front: Socket): Promise<Socket> {
    const asker = await open()
    const faces = new Map<number, Promise<Socket>>([[server, Promise.resolve(front)]])
    const openFace = async (tid: number): Promise<Socket> => {
      const face = await open()
      face.on('message', (datagram) => carry(datagram, asker, tid))
      return face
    }
    asker.on('message', (datagram, { port: tid }) => {
      const face = faces.get(tid) ?? openFace(tid)
      faces.set(tid, face)
      void face.then((opened) => carry(datagram, opened, client))
    })
    return asker
  }

  const front = await open()
  front.on('message', (datagram, { port: client }) => {
    const asker = askers.get(client) ?? openAsker(client, front)
    askers.set(client, asker)
    void asker.then((opened) => carry(datagram, opened, server))
  })
  return {
    port: front.address().port,
    lost: wire.lost,
    close: () => {
      isOpen = false
      for (const socket of sockets) socket.close()
    },
  }
}

// What keeps an HTTP listener answering whoever else there is: time limits for slow clients, and how many connections
// there may be, in all and of one client.
import type { Server, ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import { networkOf } from './peers.ts'

/** In milliseconds: the head of a request, all of it, and a connection on which nothing moves. */
export type Patience = Readonly<{ headersMs: number; requestMs: number; silenceMs: number }>

export type Room = Readonly<{
  inAll: number
  /** Of one address; of IPv6, of one /64. */
  ofOne: number
  /** Who stands for many, as a proxy does. */
  isMany: (address: string) => boolean
}>

type ConnectionLimits = Readonly<{ patience: Patience; room: Room }>

/** For `createServer`: what it can only be told then. */
export const timesOf = ({ headersMs, requestMs }: Patience) =>
  ({
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: Math.min(5000, headersMs),
    keepAliveTimeout: 5000,
  }) satisfies ServerOptions

/** One that is too many is closed before anything of it is read. */
export function limitConnections(server: Server, { patience, room }: ConnectionLimits): void {
  server.setTimeout(patience.silenceMs)
  server.maxConnections = room.inAll
  const open = new Map<string, number>()
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    if (room.isMany(address)) return
    const network = networkOf(address)
    const others = open.get(network) ?? 0
    if (others >= room.ofOne) return void socket.destroy()
    open.set(network, others + 1)
    socket.once('close', () => {
      const left = (open.get(network) ?? 1) - 1
      if (left === 0) open.delete(network)
      else open.set(network, left)
    })
  })
}

// Sockets of Node's own, where a datagram now and then is all that they carry, or where there are no batches.
import { createSocket } from 'node:dgram'
import type { BindOptions, Socket, SocketOptions } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'

/** Addresses here are always literals, and Node's default would send each of them through getaddrinfo's thread. */
export const literalAddress: NonNullable<SocketOptions['lookup']> = (address, _options, callback) =>
  callback(null, address, isIPv6(address) ? 6 : 4)

/** @throws what bind() says, with its name as `code` */
export async function openNodeSocket(options: SocketOptions, place: BindOptions): Promise<Socket> {
  const socket = createSocket({ ...options, lookup: literalAddress })
  try {
    const listening = once(socket, 'listening')
    socket.bind({ ...place, exclusive: true })
    await listening
    return socket
  } catch (error) {
    socket.close()
    throw error
  }
}

export async function closeNodeSocket(socket: Socket): Promise<void> {
  const closed = once(socket, 'close')
  socket.close()
  await closed
}

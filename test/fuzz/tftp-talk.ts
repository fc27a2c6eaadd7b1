// TFTP clients that begin transfers as good ones do, and go on as none should.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { ack, error } from '../protocol/tftp-client.ts'
import type { Chance } from './chance.ts'
import { SERVER } from './farm.ts'
import { mutated } from './mutate.ts'
import { PORT, tftpPacket } from './shots.ts'

/** Longer than an answer takes; nobody waits for the server's repetitions. */
const SILENCE_MS = 200

/** Resolves when it has left: with an ERROR, without a word, or since it heard nothing. */
export async function talkTftp(chance: Chance): Promise<void> {
  const isIpv6 = chance.is(0.2)
  const server = isIpv6 ? SERVER.ipv6 : SERVER.ipv4
  const socket = createSocket(isIpv6 ? 'udp6' : 'udp4')
  const address = isIpv6 ? '2001:db8::9' : chance.one(['192.0.2.9', `198.51.100.${1 + chance.below(250)}`])
  socket.bind(0, address)
  await once(socket, 'listening')
  const send = (octets: Uint8Array, port: number): void => socket.send(octets, port, server, () => undefined)
  let left = 1 + chance.below(60)
  let request = tftpPacket(chance)
  const answer = (datagram: Buffer, tid: number): void => {
    const block = datagram.length < 4 ? 0 : datagram[1] === 6 ? 0 : datagram.readUInt16BE(2)
    const right = ack(block)
    chance.one([
      ...Array.from({ length: 8 }, () => () => send(right, tid)),
      () => [right, right, right].forEach((copy) => send(copy, tid)),
      () => send(ack(chance.below(65_536)), tid),
      () => send(ack(block - 1), tid),
      () => send(mutated(right, chance), tid),
      () => send(mutated(datagram, chance).subarray(0, 1400), tid), // what it sent us, back to it
      () => send(chance.octets(chance.below(4)), tid),
      () => send(tftpPacket(chance), tid),
      () => send(request, PORT.tftp),
      () => send((request = tftpPacket(chance)), PORT.tftp),
      () => send(error(chance.below(9), 'x'.repeat(chance.below(700))), tid),
      () => undefined,
    ])()
  }
  await new Promise<void>((resolve) => {
    const silence = setTimeout(resolve, SILENCE_MS)
    socket.on('message', (datagram, { port }) => {
      silence.refresh()
      if (left-- > 0) return answer(datagram, port)
      if (chance.is(0.5)) send(error(0, 'enough'), port)
      clearTimeout(silence)
      resolve()
    })
    send(request, PORT.tftp)
  })
  socket.close()
}

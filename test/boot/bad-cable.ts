// The cable between a machine and its bridge that loses, doubles, delays and reorders frames of either direction:
// `node --import tsx bad-cable.ts JOB`. Says `carrying` when it is there, and its figures for each line that it is sent.
// (tc's netem does the same, but many kernels are built without it.)
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { badly, type Badness } from '../protocol/bad-wire.ts'
import { randomFrom } from '../random.ts'

type Job = Readonly<{
  /** Frames between `machine` and `cable`, and between `plug` (the bridge's tap) and `socket`. */
  ports: Readonly<Record<'machine' | 'cable' | 'socket' | 'plug', number>>
  badness: Badness
  seed: number
}>

const loopback = '127.0.0.1'
const { ports, badness, seed } = JSON.parse(process.argv[2] ?? '') as Job
const wire = badly(badness, randomFrom(seed))
const [machineSide, bridgeSide] = [createSocket('udp4'), createSocket('udp4')]
let frames = 0

for (const [from, to, port] of [
  [machineSide, bridgeSide, ports.plug],
  [bridgeSide, machineSide, ports.machine],
] as const) {
  from.on('message', (frame) => {
    frames++
    wire.carry(() => to.send(frame, port, loopback))
  })
  from.on('error', () => undefined) // nobody is plugged in at the other end yet, or any more
}
machineSide.bind(ports.cable, loopback)
bridgeSide.bind(ports.socket, loopback)
await Promise.all([once(machineSide, 'listening'), once(bridgeSide, 'listening')])
console.log('carrying')
for await (const _ of createInterface(process.stdin)) console.log(JSON.stringify({ frames, lost: wire.lost() }))

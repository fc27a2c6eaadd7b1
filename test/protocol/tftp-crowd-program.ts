// In a network namespace of its own, as root: a door, thousands of requests that nobody follows up, and a good client.
// Prints what was seen, as JSON.
import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { openTftpDoor } from '../../server/serve/tftp/door.ts'
import { rrq, TftpTestClient } from './tftp-client.ts'
import { log, waitUntil, WAYS, type Way } from './tftp-stage.ts'

const [, , way = '', requests = ''] = process.argv
for (const line of ['link set lo up', 'address add 198.18.0.1/15 dev lo']) execFileSync('ip', line.split(' '))

const bytes = new Uint8Array(100_000).map((_, at) => at >> 4)
const lines = await WAYS[way as Way]()
const ends = { unheard: 0, other: 0 }
const door = await openTftpDoor({
  address: '198.18.0.1',
  port: 69,
  log,
  lines,
  resolve: () => ({ kind: 'bytes', bytes }),
  onEnd: ({ outcome }) => ends[outcome === 'complete' ? 'other' : 'unheard']++,
})

/** Not one of them is there any more when it is answered. */
async function askAndLeave(count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const socket = createSocket('udp4')
    socket.bind(0, `198.19.${index >> 6}.${1 + (index & 63)}`)
    await once(socket, 'listening')
    await new Promise((sent) => socket.send(rrq('file'), 69, '198.18.0.1', sent))
    socket.close()
    await new Promise(setImmediate) // the door is in this process, and is to hear it
  }
}

async function fetchWell(): Promise<boolean> {
  const client = await TftpTestClient.open({ address: '198.19.255.1', server: '198.18.0.1' })
  const got = await client.fetch(69, 'file')
  await client.close()
  return got.equals(bytes)
}

const seen = (): Readonly<{ descriptors: number; heapMiB: number }> => {
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return { descriptors: readdirSync('/proc/self/fd').length, heapMiB: (heapUsed + arrayBuffers) / 2 ** 20 }
}

for (let round = 0; round < 20; round++) await fetchWell()
const before = seen()
await askAndLeave(Number(requests))
await waitUntil(() => door.active() >= lines.most, 'the places are not taken')
const fetched: boolean[] = []
for (let round = 0; round < 5; round++) fetched.push(await fetchWell())
await waitUntil(() => door.active() === 0, 'requests are not given up', 60_000)
const after = seen()
await door.close()
process.stdout.write(JSON.stringify({ places: lines.most, fetched, ends, before, after }))

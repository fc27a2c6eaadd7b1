// A TFTP door with files, and clients for it; all gone when the test is.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import type { Served, TftpDoor, TftpDoorOptions, TransferEnd } from '../../server/serve/tftp/door.ts'
import { openTftpDoor } from '../../server/serve/tftp/door.ts'
import { loadLibc } from '../../server/serve/udp/libc.ts'
import type { Lines } from '../../server/serve/tftp/lines.ts'
import { ownLines } from '../../server/serve/tftp/own-lines.ts'
import { sharedLines } from '../../server/serve/tftp/shared-lines.ts'
import type { Reply } from './tftp-client.ts'
import { ack, rrq, TftpTestClient } from './tftp-client.ts'

export const log = pino({ level: 'silent' })

/** Long enough that no retransmission can come between, however loaded the machine. */
export const UNHURRIED = { timeout: '255' }

export const SIZES = [0, 511, 512, 1024, 20_000, 100_000]
/** 78,126 blocks of 512: the block number wraps. */
export const WRAPPING = 40_000_000

/** Octets that differ from block to block, so that a block in the wrong place shows. */
export const fileOf = (size: number): Uint8Array => new Uint8Array(size).map((_, index) => (index * 31) >> 3)

const files = new Map([...SIZES, WRAPPING].map((size) => [`boot/${size}`, fileOf(size)]))
export const bytesOf = (size: number): Uint8Array => files.get(`boot/${size}`) ?? assert.fail(`no file of ${size}`)

export function resolve(path: string): Served {
  const bytes = files.get(path)
  return bytes ? { kind: 'bytes', bytes } : { kind: 'refused', code: 'not-found', why: `no such file: ${path}` }
}

/** Both ways in which a door may send: everything here holds for either. */
export const WAYS = {
  'own lines': () => Promise.resolve(ownLines()),
  'shared lines': async (): Promise<Lines> => {
    const libc = await loadLibc()
    return typeof libc === 'string' ? assert.fail(`no koffi here, run npm ci: ${libc}`) : sharedLines(libc)
  },
} as const
export type Way = keyof typeof WAYS

export type Stage = Readonly<{
  door: TftpDoor
  client: TftpTestClient
  ends: TransferEnd[]
  nextEnd: () => Promise<TransferEnd>
}>

export async function openStage(t: TestContext, way: Way, options: Partial<TftpDoorOptions> = {}): Promise<Stage> {
  const ends: TransferEnd[] = []
  let told = 0
  const door = await openTftpDoor({
    address: '127.0.0.1',
    port: 0,
    resolve,
    log,
    graceMs: 0,
    lines: await WAYS[way](),
    ...options,
    onEnd: (end) => {
      ends.push(end)
      options.onEnd?.(end)
    },
  })
  t.after(() => door.close())
  const client = await another(t, options.address === undefined ? {} : { address: options.address })
  const nextEnd = async (): Promise<TransferEnd> => {
    await waitUntil(() => ends.length > told, 'no transfer ended')
    return ends[told++] ?? assert.fail('an end that is none')
  }
  return { door, client, ends, nextEnd }
}

export async function another(
  t: TestContext,
  addresses: Readonly<{ address?: string; server?: string }> = {},
): Promise<TftpTestClient> {
  const client = await TftpTestClient.open(addresses)
  t.after(() => client.close())
  return client
}

export type Begun = Readonly<{ tid: number; first: Extract<Reply, { kind: 'data' }> }>

/** Asks for a file and reads its OACK and the first DATA; what is left is finish(). */
export async function begin(
  client: TftpTestClient,
  port: number,
  path: string,
  options: Readonly<Record<string, string>> = UNHURRIED,
): Promise<Begun> {
  await client.send(rrq(path, options), port)
  const { port: tid } = await client.nextOf('oack')
  await client.send(ack(0), tid)
  return { tid, first: await client.nextOf('data') }
}

export const countOf = (client: TftpTestClient, kind: Reply['kind']): number =>
  client.received.filter((reply) => reply.kind === kind).length

/** For a state that another party reaches by itself. The patience is for a machine under load; nothing depends on it. */
export async function waitUntil(condition: () => boolean, failure: string, patienceMs = 20_000): Promise<void> {
  const began = performance.now()
  while (!condition()) {
    if (performance.now() - began > patienceMs) assert.fail(`${failure} within ${patienceMs} ms`)
    await new Promise((later) => setTimeout(later, 2))
  }
}

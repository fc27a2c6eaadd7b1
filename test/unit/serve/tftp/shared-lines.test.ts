import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { ack, rrq } from '../../../protocol/tftp-client.ts'
import {
  another,
  begin,
  bytesOf,
  countOf,
  openStage,
  UNHURRIED,
  waitUntil,
  WAYS,
} from '../../../protocol/tftp-stage.ts'

const descriptors = (): number => readdirSync('/proc/self/fd').length

describe('shared lines', () => {
  test('RFC 1350 §4: a datagram from a foreign TID gets ERROR 5 and the transfer goes on', async (t) => {
    const { door, client, nextEnd } = await openStage(t, 'shared lines')
    const stranger = await another(t)
    const { tid, first } = await begin(client, door.port, 'boot/100000')
    await stranger.send(ack(1), tid)
    assert.equal((await stranger.nextOf('error')).code, 5)
    assert.equal(Buffer.compare(await client.finish(first), bytesOf(100_000)), 0)
    assert.equal((await nextEnd()).outcome, 'complete')
  })

  test('a client that repeats its last ACK is told nothing, and may use its port for the next file', async (t) => {
    const { door, client } = await openStage(t, 'shared lines')
    const { tid } = await begin(await another(t), door.port, 'boot/1024') // keeps the port open
    await client.fetch(door.port, 'boot/511')
    for (let repeat = 0; repeat < 5; repeat++) await client.send(ack(1), tid)
    assert.equal((await client.fetch(door.port, 'boot/512')).length, 512)
    assert.equal(countOf(client, 'error'), 0)
  })

  test('all transfers of an address have one TID and one descriptor, which go with the last of them', async (t) => {
    const { door, client, nextEnd } = await openStage(t, 'shared lines')
    const clients = await Promise.all(Array.from({ length: 50 }, () => another(t)))
    const before = descriptors()
    const begun = await Promise.all(clients.map((one) => begin(one, door.port, 'boot/1024')))
    assert.equal(new Set(begun.map(({ tid }) => tid)).size, 1)
    assert.ok(descriptors() <= before + 1)
    await Promise.all(clients.map((one, index) => one.finish(begun[index]?.first ?? assert.fail('not begun'))))
    for (const _ of clients) await nextEnd()
    await waitUntil(() => descriptors() <= before, 'the descriptor was not closed')
    assert.equal((await client.fetch(door.port, 'boot/511')).length, 511)
  })

  test('an address that is not of this host is an error that names it', async () => {
    const lines = await WAYS['shared lines']()
    const listening = { receive: () => undefined, failed: () => undefined }
    await assert.rejects(
      lines.open('192.0.2.77', { address: '192.0.2.1', port: 9 }, listening),
      /bind to 192\.0\.2\.77: EADDRNOTAVAIL/,
    )
  })

  test('whatever octets come from anyone, the transfers under way go on', async (t) => {
    const { door, client } = await openStage(t, 'shared lines')
    const stranger = await another(t)
    const { tid, first } = await begin(client, door.port, 'boot/100000')
    const datagrams = fc.sample(fc.uint8Array({ maxLength: 2000 }), { numRuns: 500, seed: 7 })
    for (const octets of datagrams) await (octets.length % 2 === 0 ? stranger : client).send(notAnAck(octets), tid)
    assert.equal(Buffer.compare(await client.finish(first), bytesOf(100_000)), 0)
  })

  test('a datagram from source port 0, at either port of ours, is not answered and does no harm', async (t) => {
    const { door, client, nextEnd } = await openStage(t, 'shared lines')
    const { tid, first } = await begin(client, door.port, 'boot/100000', UNHURRIED)
    await sendFromPort0(door.port, rrq('boot/511'))
    await sendFromPort0(tid, ack(1))
    assert.equal(Buffer.compare(await client.finish(first), bytesOf(100_000)), 0)
    assert.equal((await nextEnd()).outcome, 'complete')
    assert.equal(door.active(), 0)
  })
})

/** An ACK or ERROR from the client itself would be what it says. */
const notAnAck = (octets: Uint8Array): Uint8Array =>
  octets[0] === 0 && (octets[1] === 4 || octets[1] === 5) ? Uint8Array.of(9, ...octets) : octets

/** By a raw socket, since no other sends from there. Needs root. */
async function sendFromPort0(port: number, octets: Buffer): Promise<void> {
  const program = `use Socket; socket(my $s, PF_INET, SOCK_RAW, 17) or die "raw socket: $!";
    my $payload = pack 'H*', $ARGV[1];
    send($s, pack('nnnn', 0, $ARGV[0], 8 + length $payload, 0) . $payload, 0, pack_sockaddr_in(0, inet_aton('127.0.0.1'))) or die $!`
  await promisify(execFile)('perl', ['-e', program, String(port), octets.toString('hex')]).catch((cause: unknown) => {
    throw new Error('this test runs as root, and needs: apt-get install perl', { cause })
  })
}

// Frames and files of the fuzzer, by means that are not its own.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { temporaryFolder } from '../fixtures.ts'
import { growth } from './bounds.ts'
import { chanceFrom } from './chance.ts'
import { frameOf } from './frames.ts'
import { readShots, writeShots } from './shots-file.ts'
import { shotFrom } from './shots.ts'

/** RFC 1071 the other way: with its checksum in it, all of it adds up to ones. */
function sumOf(octets: Buffer): number {
  let sum = 0
  for (let at = 0; at < octets.length; at += 2) {
    sum += octets.readUInt8(at) * 256 + (at + 1 < octets.length ? octets.readUInt8(at + 1) : 0)
    sum = (sum % 65_536) + Math.floor(sum / 65_536)
  }
  return sum
}

test('RFC 791 §3.1: a frame of IPv4 has the addresses and ports that were asked for, 0 too, and a checksum that adds up', () => {
  const from = { address: '203.0.113.7', port: 0 }
  const frame = frameOf({ from, to: { address: '192.0.2.1', port: 67 }, octets: Uint8Array.of(1, 2, 3) })
  assert.equal(sumOf(frame.subarray(14, 34)), 0xffff)
  assert.deepEqual([...frame.subarray(26, 34)], [203, 0, 113, 7, 192, 0, 2, 1])
  assert.deepEqual([...frame.subarray(34)], [0, 0, 0, 67, 0, 11, 0, 0, 1, 2, 3])
})

test('RFC 8200 §8.1: a datagram over IPv6 has a checksum that adds up with its pseudo-header, whatever its octets', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 99 }), fc.nat(65_535), (octets, port) => {
      const to = { address: 'ff02::1:2', port: 547 }
      const frame = frameOf({ from: { address: '2001:db8::9', port }, to, octets })
      assert.deepEqual([...frame.subarray(0, 6)], [0x33, 0x33, 0, 1, 0, 2])
      const datagram = frame.subarray(54)
      const pseudo = Buffer.concat([frame.subarray(22, 54), Buffer.from([0, 0, 0, datagram.length, 0, 0, 0, 17])])
      assert.equal(sumOf(Buffer.concat([pseudo, datagram])), 0xffff)
    }),
  )
})

test('the same seed gives the same shots, another one others, and all of them fit a frame', () => {
  const shots = (seed: number) => {
    const chance = chanceFrom(seed)
    return Array.from({ length: 500 }, () => shotFrom(chance).shot)
  }
  assert.deepEqual(shots(1), shots(1))
  assert.notDeepEqual(shots(1), shots(2))
  for (const shot of shots(3)) assert.ok(frameOf(shot).length <= 14 + 9000)
})

test('shots that are written to a file are read as they were', async (t) => {
  const chance = chanceFrom(4)
  const shots = Array.from({ length: 100 }, () => shotFrom(chance).shot)
  const path = join(temporaryFolder(t), 'shots.hex')
  await writeShots(path, 'of a test', shots)
  const plain = ({ octets, ...ends }: (typeof shots)[number]) => ({ ...ends, octets: [...octets] })
  assert.deepEqual((await readShots(path)).map(plain), shots.map(plain))
})

test('growth is told by what grew', () => {
  const warm = { rssMiB: 200, descriptors: 40 }
  assert.equal(growth(warm, { rssMiB: 220, descriptors: 45 }), null)
  assert.match(growth(warm, { rssMiB: 900, descriptors: 40 }) ?? '', /memory grew from 200 to 900 MiB/)
  assert.match(growth(warm, { rssMiB: 200, descriptors: 90 }) ?? '', /descriptors grew from 40 to 90/)
})

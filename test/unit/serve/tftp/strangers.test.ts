import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { keyOf, sockaddrOf } from '../../../../server/serve/udp/sockaddr.ts'
import { openStrangers } from '../../../../server/serve/tftp/strangers.ts'

const ack = Buffer.from([0, 4, 0, 1])
const at = (port: number, address = '192.0.2.7') => {
  const sockaddr = sockaddrOf({ address, port })
  return { key: keyOf(sockaddr), sockaddr }
}

describe('strangers', () => {
  test('RFC 1350 §4: who has no transfer here is told ERROR 5', () => {
    const { key, sockaddr } = at(1234)
    const answer = openStrangers().answer(key, sockaddr, ack)
    assert.deepEqual([...(answer ?? [])].slice(0, 4), [0, 5, 0, 5])
  })

  test('RFC 1350 §7: an ERROR is not answered, nor noise, nor what can’t be: source port 0', () => {
    const strangers = openStrangers()
    const { key, sockaddr } = at(1234)
    for (const octets of [[], [0, 4, 0], [0, 5, 0, 0, 65, 0], [0, 3, 0, 1], [9, 9, 9, 9]])
      assert.equal(strangers.answer(key, sockaddr, Buffer.from(octets)), null)
    assert.equal(strangers.answer(at(0).key, at(0).sockaddr, ack), null)
  })

  test('a client that left within the minute is told nothing: it may be about to ask for the next file', () => {
    const clock = mock.method(performance, 'now', () => 0)
    try {
      const strangers = openStrangers()
      const { key, sockaddr } = at(1234)
      strangers.left(key)
      assert.equal(strangers.answer(key, sockaddr, ack), null)
      assert.notEqual(strangers.answer(at(1235).key, at(1235).sockaddr, ack), null)
      clock.mock.mockImplementation(() => 60_000)
      assert.notEqual(strangers.answer(key, sockaddr, ack), null)
    } finally {
      clock.mock.restore()
    }
  })

  test('an address is told so many errors a second and no more, from whatever port it asks', () => {
    const strangers = openStrangers()
    const clock = mock.method(performance, 'now', () => 5000)
    try {
      const answers = Array.from({ length: 1000 }, (_, port) =>
        strangers.answer(at(port + 1).key, at(port + 1).sockaddr, ack),
      )
      assert.equal(answers.filter((answer) => answer !== null).length, 200)
      assert.notEqual(strangers.answer(at(1, '192.0.2.8').key, at(1, '192.0.2.8').sockaddr, ack), null)
    } finally {
      clock.mock.restore()
    }
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { hostOf, keyOf, sockaddrOf } from '../../../../server/serve/udp/sockaddr.ts'

const ports = fc.integer({ min: 0, max: 65535 })
const peers = fc.record({
  address: fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter((text) => !text.includes('.')),
  ),
  port: ports,
})

describe('socket addresses', () => {
  test('ip(7): family in the host’s order, port and address in the network’s', () => {
    assert.equal(sockaddrOf({ address: '192.0.2.1', port: 69 }).toString('hex'), '02000045c00002010000000000000000')
  })

  test('ipv6(7): the address follows the flow information, the scope comes last', () => {
    const { length, ...sockaddr } = sockaddrOf({ address: '2001:db8::1', port: 69 })
    assert.equal(length, 28)
    assert.equal(
      Buffer.from(Object.values(sockaddr) as number[]).toString('hex'),
      ['0a00004500000000', '20010db8000000000000000000000001', '00000000'].join(''),
    )
  })

  test('a zone that is no interface is an error that names it', () => {
    assert.throws(() => sockaddrOf({ address: 'fe80::1%nowhere', port: 69 }), /nowhere is no interface/)
  })

  test('keys are the same for the same address and port, and for no other', () => {
    fc.assert(
      fc.property(peers, peers, (one, other) => {
        const [a, b] = [sockaddrOf(one), sockaddrOf(other)]
        assert.equal(keyOf(a) === keyOf(b), a.equals(b))
        assert.equal(keyOf(a), keyOf(Buffer.from(a)))
        assert.equal(hostOf(a), hostOf(sockaddrOf({ ...one, port: other.port })))
        if (keyOf(a) !== keyOf(b) && one.port === other.port) assert.notEqual(hostOf(a), hostOf(b))
      }),
    )
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadLibc, type Libc } from '../../../../server/serve/udp/libc.ts'
import { closeNodeSocket, openNodeSocket } from '../../../../server/serve/udp/node-socket.ts'
import { openSocket } from '../../../../server/serve/udp/socket.ts'

const libc = await loaded()

async function loaded(): Promise<Libc> {
  const found = await loadLibc()
  return typeof found === 'string' ? assert.fail(`no koffi here, run npm ci: ${found}`) : found
}

describe('a socket by system calls', () => {
  test('an address that is not of this host is an error that names it, with bind’s code', () => {
    assert.throws(() => openSocket(libc, { address: '192.0.2.77', port: 0 }, { receiveBytes: 4096 }), {
      message: 'bind to 192.0.2.77: EADDRNOTAVAIL',
      code: 'EADDRNOTAVAIL',
    })
  })

  test('a port that somebody has is an error, and no descriptor is lost by it', async (t) => {
    const other = await openNodeSocket({ type: 'udp4' }, { address: '127.0.0.1', port: 0 })
    t.after(() => closeNodeSocket(other))
    const place = { address: '127.0.0.1', port: other.address().port }
    for (let attempt = 0; attempt < 2000; attempt++)
      assert.throws(() => openSocket(libc, place, { receiveBytes: 4096 }), { code: 'EADDRINUSE' })
  })

  test('of IPv6 too', () => {
    const fd = openSocket(libc, { address: '::1', port: 0 }, { receiveBytes: 4096, sendBytes: 4096 })
    assert.ok(fd > 2)
    libc.close(fd)
  })
})

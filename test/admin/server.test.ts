// The listener: TLS, clients that are slow, and an end in good order. Over real sockets.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { get as httpGet } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { connect as connectSecurely } from 'node:tls'
import { writeFileSync } from 'node:fs'
import type { AdminOptions, Certificate, RunningAdmin } from '../../server/admin/server.ts'
import { openAdmin } from '../../server/admin/server.ts'
import { temporaryFolder } from '../fixtures.ts'
import { openTestSite } from './site.ts'

async function start(t: TestContext, options: Partial<AdminOptions> = {}): Promise<RunningAdmin> {
  const { admin: parts } = await openTestSite(t)
  const admin = await openAdmin({ ...parts, listen: '127.0.0.1', port: 0, tls: null, trustProxy: [], ...options })
  t.after(admin.close)
  return admin
}

/** Everything that comes until the server ends the connection. */
async function untilClosed(socket: Socket): Promise<string> {
  let heard = ''
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString()))
  socket.on('error', () => undefined) // a reset is an end too
  await once(socket, 'close')
  return heard
}

describe('a client that is slow', () => {
  const patience = { headersMs: 300, requestMs: 600, silenceMs: 900 }

  test('with the head of its request is sent away, and others are answered meanwhile', async (t) => {
    const { port } = await start(t, { patience })
    const slow = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'))
    const ends = slow.map(untilClosed)
    const dribble = setInterval(() => slow.forEach((socket) => socket.writable && socket.write('X')), 50)
    t.after(() => clearInterval(dribble))
    for (const socket of slow) socket.write('GET /login HTTP/1.1\r\nHost: x\r\nX-Slow: ')
    const [answer] = (await once(httpGet({ port, path: '/login' }), 'response')) as [
      { statusCode: number; resume: () => void },
    ]
    answer.resume()
    assert.equal(answer.statusCode, 200)
    for (const heard of await Promise.all(ends)) assert.match(heard, /^HTTP\/1\.1 408 Request Timeout/)
  })

  test('with its body is sent away', async (t) => {
    const { port } = await start(t, { patience })
    const socket = connect(port, '127.0.0.1')
    const ended = untilClosed(socket)
    const form = 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000'
    socket.write(`POST /login HTTP/1.1\r\nHost: x\r\n${form}\r\n\r\nname=`)
    const dribble = setInterval(() => socket.writable && socket.write('a'), 50)
    t.after(() => clearInterval(dribble))
    assert.doesNotMatch(await ended, /200 OK/)
  })

  test('with saying anything at all is sent away', async (t) => {
    const { port } = await start(t, { patience })
    const socket = connect(port, '127.0.0.1')
    assert.match(await untilClosed(socket), /^(HTTP\/1\.1 408|$)/)
  })
})

test('a long body of somebody who may not send it is not waited for', async (t) => {
  const { port } = await start(t)
  const socket = connect(port, '127.0.0.1')
  const ended = untilClosed(socket)
  socket.write(`POST /users HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000000\r\n\r\n${'x'.repeat(1000)}`)
  assert.match(await ended, /^HTTP\/1\.1 303[^]*Connection: close/)
})

describe('TLS', () => {
  const certificate = (folder: string, name: string): Certificate => {
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
    try {
      execFileSync('openssl', [...words, '-subj', `/CN=${name}`, '-keyout', key, '-out', cert], { stdio: 'pipe' })
    } catch (error) {
      throw new Error('this test needs openssl: apt-get install openssl', { cause: error })
    }
    return { cert, key }
  }
  const nameAt = async (port: number): Promise<unknown> => {
    const socket = connectSecurely({ port, host: '127.0.0.1', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const name = socket.getPeerCertificate().subject.CN
    socket.destroy()
    return name
  }

  test('with a certificate, which is exchanged while the server runs; one that is broken changes nothing', async (t) => {
    const folder = temporaryFolder(t)
    const tls = certificate(folder, 'one.example.org')
    const admin = await start(t, { tls })
    assert.equal(await nameAt(admin.port), 'one.example.org')
    certificate(folder, 'two.example.org')
    admin.reloadCertificate()
    assert.equal(await nameAt(admin.port), 'two.example.org')
    writeFileSync(tls.cert, 'no certificate')
    assert.throws(admin.reloadCertificate)
    assert.equal(await nameAt(admin.port), 'two.example.org')
  })

  test('not of 2006 or 1999: TLS 1.1 and older are refused', async (t) => {
    const { port } = await start(t, { tls: certificate(temporaryFolder(t), 'one.example.org') })
    const socket = connectSecurely({
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    const [error] = (await once(socket, 'error')) as [Error]
    assert.match(error.message, /alert protocol version|wrong version|unsupported protocol/i)
  })

  test('without its file says which setting names it', async (t) => {
    const folder = temporaryFolder(t)
    const { key } = certificate(folder, 'one.example.org')
    await assert.rejects(
      start(t, { tls: { cert: join(folder, 'none.pem'), key } }),
      /read the certificate \(admin_tls_cert\) .*none\.pem: ENOENT/,
    )
  })
})

test('a port that is taken is named', async (t) => {
  const { port } = await start(t)
  await assert.rejects(
    start(t, { port }),
    new RegExp(`listen for administration on 127\\.0\\.0\\.1 port ${port}: .*EADDRINUSE`),
  )
})

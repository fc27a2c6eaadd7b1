// The command line over the API of a real server: who may, whom it trusts, what becomes of a lost answer, and what it
// never does.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { createServer as createProxy, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { recordEvents } from '../../server/inventory/store/record.ts'
import { readEvents } from '../../server/inventory/store/read.ts'
import { requireHostFiles } from '../boot/packages.ts'
import { openCli } from '../unit/cli/cli.ts'
import { temporaryFolder } from '../fixtures.ts'
import type { RemoteFarm } from './remote-farm.ts'
import { openRemoteFarm } from './remote-farm.ts'

describe('a role', () => {
  const forOperators: readonly (readonly string[])[] = [
    ['machine', 'set', 'web', 'vcpus=2'],
    ['machine', 'rm', 'web', '--yes'],
    ['machine', 'rescue', 'web'],
    ['install', 'web'],
    ['show', 'web', 'kickstart'],
    ['export'],
    ['diff', '1'],
    ['revert', '1'],
  ]

  test('that does not reach so far is named with the one that would', async (t) => {
    const farm = await openRemoteFarm(t)
    for (const words of forOperators) {
      const { code, out, err } = await farm.run(words, 'viewer')
      assert.deepEqual([code, out], [1, ''], words.join(' '))
      assert.match(err, /^bootstead: http:\S+: this takes the role operator; viewer has viewer here\n$/)
    }
    const { err } = await farm.run(['user', 'list'], 'operator')
    assert.match(err, /this takes the role admin; operator has operator here/)
    assert.match(await farm.cli.ok('machine', 'show', 'web'), /boot +local/, 'nothing was done')
  })

  test('of a viewer reads, and sees no secret', async (t) => {
    const farm = await openRemoteFarm(t)
    for (const words of [
      ['machine', 'list'],
      ['site', 'list'],
      ['log'],
      ['explain', 'web', '--text'],
      ['check'],
      ['show', 'web'],
    ]) {
      const { code, out } = await farm.run(words, 'viewer')
      assert.equal(code, 0, words.join(' '))
      assert.doesNotMatch(out, /never-shown/)
    }
    assert.equal((await farm.run(['site', 'show', 'root_password_hash'], 'viewer')).out, '"(secret)"\n')
  })

  test('of an administrator sees users, tokens and the audit trail; a token gives nobody a way in', async (t) => {
    const farm = await openRemoteFarm(t)
    assert.match((await farm.run(['token', 'list'])).out, /admin\/far +admin +2097/)
    assert.match((await farm.run(['audit'])).out, /cli:operator .* user added .* viewer/)
    for (const words of [
      ['user', 'add', 'eve', '--role', 'admin'],
      ['user', 'invite', '--role', 'admin'],
      ['user', 'passwd', 'admin'],
      ['user', 'set', 'viewer', '--role', 'admin'],
      ['token', 'add', 'more', '--user', 'admin', '--role', 'admin'],
    ]) {
      const { code, err } = await farm.run(words)
      assert.equal(code, 2)
      assert.match(err, /does not work over the API: an API token gives nobody a way in; run it on the server's host/)
    }
  })
})

test('what is about a host is refused with the reason, and nothing ever opens a database beside the server', async (t) => {
  const farm = await openRemoteFarm(t)
  const other = openCli(t)
  const env = {
    BOOTSTEAD_SERVER: farm.url,
    BOOTSTEAD_TOKEN: farm.tokens.admin,
    BOOTSTEAD_STATE: join(other.folder, 'state'),
  }
  for (const words of [
    ['serve'],
    ['loaders', 'collect'],
    ['loaders', 'list'],
    ['mirror'],
    ['doctor'],
    ['image', 'add', 'x', '--kernel', 'k'],
    ['image', 'check'],
    ['image', 'rm', 'el9'],
    ['dom0', 'run', 'acas0001', '--', 'true'],
  ]) {
    const { code, err } = await other.run(words, { env })
    assert.equal(code, 2, words.join(' '))
    assert.match(
      err,
      /does not work over the API: .+; run it on the server's host, without server \(BOOTSTEAD_SERVER\)/,
    )
  }
  assert.match(
    (await other.run(['generate', 'isc'], { env })).err,
    /isc: http:\S+ is not configured for it; it is for none/,
  )
  assert.match((await other.run(['generate', '--out', 'x'], { env })).err, /--out is a folder of this host/)
  for (const words of [['machine', 'list'], ['check'], ['log'], ['watch', 'web', '--timeout', '1'], ['config']])
    await other.run(words, { env, wait: () => Promise.resolve() })
  assert.ok(!existsSync(join(other.folder, 'state')), 'no inventory was made here')
})

test('of very many names without numbers as many are asked for at once as a request holds', async (t) => {
  const farm = await openRemoteFarm(t)
  const letter = (number: number): string => String.fromCharCode(97 + number)
  const names = Array.from({ length: 400 }, (_, at) => `${letter(at / 26)}${letter(at % 26)}${'x'.repeat(50)}`)
  const rows = names.map((name) => `  ${name}: { profile: base, disk: sda }`)
  writeFileSync(join(farm.cli.folder, 'many.yaml'), ['machines:', ...rows, ''].join('\n'))
  await farm.run(['import', 'many.yaml', '--force'])
  const watched = await farm.run(['watch', '--where', 'profile=base', '--timeout', '1', '--json'])
  for (const name of names) assert.ok(watched.out.includes(name), watched.err)
  const { code, err } = await farm.run(['machine', 'list', ...names])
  assert.equal(code, 1)
  assert.match(
    err,
    /^bootstead: http:\S+: so many names are too long for one request; choose .+ by a pattern or --where/,
  )
})

describe('the token', () => {
  test('that is missing, wrong or open to others is a sentence, and is never printed', async (t) => {
    const farm = await openRemoteFarm(t)
    const { cli, url, tokens } = farm
    const list = (env: Readonly<Record<string, string>>, ...more: readonly string[]) =>
      cli.run(['machine', 'list', ...more], { env: { BOOTSTEAD_SERVER: url, ...env } })
    assert.match((await list({})).err, /a token is missing: set BOOTSTEAD_TOKEN, or token_file/)
    const wrong = await list({ BOOTSTEAD_TOKEN: 'bootstead_wrong' })
    assert.equal(wrong.code, 1)
    assert.match(wrong.err, /^bootstead: http:\S+: this API token is unknown or has expired/)
    const file = join(cli.folder, 'token')
    writeFileSync(file, `${tokens.viewer}\n`)
    chmodSync(file, 0o644)
    const open = await list({ BOOTSTEAD_TOKEN_FILE: file })
    assert.deepEqual(
      [open.code, open.err],
      [2, `bootstead: ${file} holds a token, and others may read it (mode 644): chmod 600 ${file}\n`],
    )
    chmodSync(file, 0o600)
    const good = await list({ BOOTSTEAD_TOKEN_FILE: file })
    assert.deepEqual([good.code, good.err], [0, ''])
    assert.match((await list({ BOOTSTEAD_TOKEN_FILE: `${file}.gone` })).err, /token_file: .*no such file/)
    const flag = await list({}, '--token', tokens.viewer)
    assert.equal(flag.code, 0)
    assert.match(flag.err, /^--token shows the token to everybody who lists processes here/)
    for (const text of [flag.err, wrong.err]) assert.ok(!text.includes(tokens.viewer))
    const shown = await cli.run(['config'], { env: { BOOTSTEAD_SERVER: url, BOOTSTEAD_TOKEN: tokens.viewer } })
    assert.match(shown.out, /^token +\(secret\) +BOOTSTEAD_TOKEN$/m)
    assert.ok(!shown.out.includes(tokens.viewer))
    const odd = await cli.run(['config'], { env: { BOOTSTEAD_TOKEN: 'with spaces in it' } })
    assert.deepEqual([odd.code, odd.err.includes('with spaces')], [2, false])
  })

  test('in bootstead.yaml is taken when nobody else may read that file', async (t) => {
    const { cli, url, tokens } = await openRemoteFarm(t)
    const file = join(cli.folder, cli.write('bootstead.yaml', `server: ${url}/\ntoken: ${tokens.viewer}\n`))
    chmodSync(file, 0o644)
    assert.match(
      (await cli.run(['machine', 'list'], { env: {} })).err,
      /bootstead\.yaml holds a token, and others may read it/,
    )
    chmodSync(file, 0o600)
    assert.match((await cli.run(['machine', 'list'], { env: {} })).out, /^acas0001/m)
  })
})

function certificates(folder: string): Readonly<{ ca: string; cert: string; key: string }> {
  requireHostFiles([{ file: 'openssl', debian: 'openssl' }])
  const at = (name: string): string => join(folder, name)
  const openssl = (...words: readonly string[]): void => void execFileSync('openssl', words, { stdio: 'ignore' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30']
  openssl('req', '-x509', ...key, '-subj', '/CN=farm CA', '-keyout', at('ca.key'), '-out', at('ca.pem'))
  openssl('req', ...key.slice(0, -2), '-subj', '/CN=farm', '-keyout', at('key.pem'), '-out', at('req.pem'))
  writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1')
  openssl(
    'x509',
    '-req',
    '-in',
    at('req.pem'),
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-days',
    '30',
    '-extfile',
    at('names'),
    '-out',
    at('cert.pem'),
  )
  return { ca: at('ca.pem'), cert: at('cert.pem'), key: at('key.pem') }
}

test('TLS: a private CA is trusted when it is named, and nothing is sent to whom it does not vouch for', async (t) => {
  const { ca, ...tls } = certificates(temporaryFolder(t))
  const farm = await openRemoteFarm(t, { tls })
  const list = ['machine', 'list']
  const untrusted = await farm.run(list)
  assert.equal(untrusted.code, 1)
  assert.match(
    untrusted.err,
    /^bootstead: https:\S+: its certificate is not trusted \(.+\); name the CA .* --server-ca FILE\n$/,
  )
  assert.match((await farm.run([...list, '--server-ca', ca])).out, /^acas0001/m)
  const env = (url: string) => ({ env: { BOOTSTEAD_SERVER: url, BOOTSTEAD_SERVER_CA: ca } })
  const named = await farm.run(list, 'admin', env(farm.url.replace('127.0.0.1', 'localhost')))
  assert.match(named.err, /its certificate is made for another name/)
  const plain = await farm.run(list, 'admin', {
    ...env(farm.url.replace('https', 'http')),
    wait: () => Promise.resolve(),
  })
  assert.match(plain.err, /the connection was closed without an answer; does it take https/)
  assert.match((await farm.run([...list, '--server-ca', `${ca}.gone`])).err, /server_ca: .*no such file/)
})

/** Stands between and loses answers: the request arrives, its answer does not. */
async function losing(t: TestContext, farm: RemoteFarm, isLost: (method: string, count: number) => boolean) {
  const count = { requests: 0 }
  const proxy = createProxy((asked, answer) => {
    const { method = 'GET', url = '/', headers } = asked
    count.requests++
    const lose = isLost(method, count.requests)
    const onward = request(`${farm.url}${url}`, { method, headers }, (given) => {
      if (lose) {
        given.resume()
        given.once('end', () => asked.socket.destroy())
        return
      }
      answer.writeHead(given.statusCode ?? 0, given.headers)
      given.pipe(answer)
    })
    asked.pipe(onward)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.after(() => new Promise((resolve) => proxy.close(resolve)))
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, count }
}

describe('an answer that is lost', () => {
  const waiting = { wait: () => Promise.resolve() }

  test('of an arming: it is asked again with its key, and one install is armed', async (t) => {
    const farm = await openRemoteFarm(t)
    const { url, count } = await losing(t, farm, (_, number) => number <= 2)
    const { code, out } = await farm.run(['install', 'web'], 'operator', { env: { BOOTSTEAD_SERVER: url }, ...waiting })
    assert.equal(code, 0)
    assert.match(out, /^armed for one install/)
    assert.equal(count.requests, 3)
    const armed = (await readEvents(farm.desk.store, 'web', 100)).filter(({ stage }) => stage === 'armed')
    assert.equal(armed.length, 1)
  })

  test('of a question: it is asked again, three times in all', async (t) => {
    const farm = await openRemoteFarm(t)
    const { url, count } = await losing(t, farm, () => true)
    const { code, err } = await farm.run(['machine', 'list'], 'viewer', { env: { BOOTSTEAD_SERVER: url }, ...waiting })
    assert.equal(code, 1)
    assert.match(err, /the connection was closed without an answer/)
    assert.doesNotMatch(err, /may have been done/)
    assert.equal(count.requests, 3)
  })

  test('of a change: it is not asked again, and that it may be done is said', async (t) => {
    const farm = await openRemoteFarm(t)
    const { url, count } = await losing(t, farm, () => true)
    const { code, err } = await farm.run(['machine', 'set', 'web', 'vcpus=3'], 'operator', {
      env: { BOOTSTEAD_SERVER: url },
      ...waiting,
    })
    assert.equal(code, 1)
    assert.match(err, /what was asked for may have been done all the same: look before you ask again/)
    assert.equal(count.requests, 1)
    assert.match(await farm.cli.ok('machine', 'show', 'web'), /vcpus +3/)
  })
})

describe('--follow', () => {
  const at = '2096-11-23T12:00:05.000Z'
  const event = (machine: string, detail: string) => ({
    ...{ machine, at, stage: 'installing', detail, progress: null, door: 'http', peer: null },
  })

  test('goes on with each new event of the machine and its guests, until it is ended, a lost stream notwithstanding', async (t) => {
    const farm = await openRemoteFarm(t)
    const { store } = farm.desk
    await recordEvents(store, [event('acas0002', 'before')])
    // The first stream is lost as soon as it has brought something.
    const streams = { open: 0 }
    const { url } = await losingStreams(t, farm, streams)
    const stop = new AbortController()
    const had = { text: '' }
    const acts: Record<string, () => Promise<unknown>> = {
      before: () => recordEvents(store, [event('acas0003', 'first'), event('web', 'of-nobody-here')]),
      first: () => recordEvents(store, [event('acas0001', 'second')]),
      second: () => Promise.resolve(stop.abort()),
    }
    const { code, out } = await farm.run(['timeline', 'acas0001', '--follow'], 'viewer', {
      env: { BOOTSTEAD_SERVER: url },
      wait: () => Promise.resolve(),
      stoppable: (work) => work(stop.signal),
      out: (text) => {
        had.text += text
        for (const [word, act] of Object.entries(acts)) {
          if (!had.text.includes(word)) continue
          Reflect.deleteProperty(acts, word)
          void act()
        }
      },
    })
    assert.deepEqual([code, out], [0, ''])
    const details = [...had.text.matchAll(/installing {2}([\w-]+) {2}\(http\)/g)].map(([, detail]) => detail)
    assert.deepEqual(details, ['before', 'first', 'second'])
    assert.ok(streams.open >= 2)
  })
})

/** A proxy that breaks the first stream off after its first event. */
async function losingStreams(t: TestContext, farm: RemoteFarm, streams: { open: number }) {
  const proxy = createProxy((asked, answer) => {
    const { method = 'GET', url = '/', headers } = asked
    const isStream = headers.accept === 'text/event-stream'
    const isFirst = isStream && streams.open++ === 0
    const onward = request(`${farm.url}${url}`, { method, headers }, (given) => {
      answer.writeHead(given.statusCode ?? 0, given.headers)
      given.on('data', (chunk: Buffer) => {
        answer.write(chunk)
        if (isFirst && chunk.includes('data: ')) answer.end()
      })
      given.once('end', () => answer.end())
    })
    answer.once('close', () => onward.destroy())
    onward.once('error', () => answer.end())
    asked.pipe(onward)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    proxy.closeAllConnections()
    return new Promise((resolve) => proxy.close(resolve))
  })
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` }
}

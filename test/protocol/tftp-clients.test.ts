// Programs that real machines fetch by: straight, and over a wire that loses, doubles and reorders. Every octet is compared.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { randomFrom } from '../random.ts'
import { openBadWire } from './bad-wire.ts'
import { bytesOf, openStage, SIZES, WAYS, WRAPPING, type Way } from './tftp-stage.ts'

type Outcome = Readonly<{ code: number | null; said: string }>

/** Runs a client program to its end; a missing one is a failure that says what to install. */
function run(program: string, debianPackage: string, args: readonly string[], cwd: string): Promise<Outcome> {
  return new Promise((resolved, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()))
    child.on('error', () => reject(new Error(`no ${program} here: install the Debian package ${debianPackage}`)))
    child.on('close', (code) => resolved({ code, said }))
  })
}

type Client = Readonly<{ name: string; fetch: (port: number, path: string, cwd: string) => Promise<Outcome> }>

const host = '127.0.0.1'
const clients: readonly Client[] = [
  {
    name: 'tftp-hpa',
    fetch: (port, path, cwd) =>
      run('tftp', 'tftp-hpa', ['-m', 'binary', host, `${port}`, '-c', 'get', path, 'got'], cwd),
  },
  {
    name: 'atftp',
    fetch: (port, path, cwd) => run('atftp', 'atftp', ['-g', '-r', path, '-l', 'got', host, `${port}`], cwd),
  },
  {
    name: 'atftp with blksize 1428 and windowsize 8',
    fetch: (port, path, cwd) => {
      const options = ['--option', 'blksize 1428', '--option', 'windowsize 8', '--option', 'tsize 0']
      return run('atftp', 'atftp', [...options, '-g', '-r', path, '-l', 'got', host, `${port}`], cwd)
    },
  },
  {
    name: 'curl with blksize 1432', // it asks to be sent again what it lacks after 6 s
    fetch: (port, path, cwd) =>
      run('curl', 'curl', ['-sS', '--tftp-blksize', '1432', '-o', 'got', `tftp://${host}:${port}/${path}`], cwd),
  },
  {
    name: 'busybox tftp with blksize 1400',
    fetch: (port, path, cwd) =>
      run('busybox', 'busybox-static', ['tftp', '-g', '-b', '1400', '-r', path, '-l', 'got', host, `${port}`], cwd),
  },
  { name: 'npm tftp', fetch: fetchWithNpmTftp },
]

/** What the client left in its folder. */
const gotIn = (cwd: string): Promise<Buffer> => readFile(join(cwd, 'got')).catch(() => Buffer.alloc(0)) // curl and others create no file for nothing

describe('real clients', { concurrency: 6 }, () => {
  test('tftp-hpa fetches 40 MB by 512 octets, past block 65535', async (t) => {
    const { door } = await openStage(t, 'shared lines')
    const cwd = await directory(t)
    const { code, said } = await (clients[0]?.fetch(door.port, `boot/${WRAPPING}`, cwd) ?? assert.fail('no client'))
    assert.equal(code, 0, said)
    assert.equal(Buffer.compare(await readFile(join(cwd, 'got')), bytesOf(WRAPPING)), 0)
  })

  for (const way of Object.keys(WAYS) as Way[])
    describe(way, { concurrency: 3 }, () => {
      for (const { name, fetch } of clients) {
        test(`${name} fetches files of every kind of size`, async (t) => {
          const { door, nextEnd } = await openStage(t, way)
          for (const size of SIZES) {
            const cwd = await directory(t)
            const { code, said } = await fetch(door.port, `boot/${size}`, cwd)
            assert.equal(code, 0, said)
            assert.equal(Buffer.compare(await gotIn(cwd), bytesOf(size)), 0)
            assert.equal((await nextEnd()).outcome, 'complete')
          }
        })

        // npm tftp hangs after a block that comes late: it repeats its last ACK and takes no notice of the answers.
        if (name !== 'npm tftp')
          test(`${name} gets every octet over a wire that loses 2 %, doubles 5 % and delays 25 % of all datagrams`, async (t) => {
            const { door, ends } = await openStage(t, way)
            const badness = { loss: 0.02, duplicates: 0.05, late: 0.25, delayMs: 10 }
            const wire = await openBadWire(door.port, badness, randomFrom(name.length))
            t.after(wire.close)
            const cwd = await directory(t)
            const { code, said } = await fetch(wire.port, 'boot/20000', cwd)
            assert.equal(code, 0, said)
            assert.equal(Buffer.compare(await gotIn(cwd), bytesOf(20_000)), 0)
            assert.ok(ends.every(({ outcome, bytes }) => outcome !== 'complete' || bytes === 20_000))
          })
      }

      test('tftp-hpa undoes our netascii, its default mode', async (t) => {
        const text = Buffer.from('default linux\n\rlabel linux\r\n')
        const { door } = await openStage(t, way, { resolve: () => ({ kind: 'bytes', bytes: text }) })
        const cwd = await directory(t)
        const args = ['-m', 'ascii', host, `${door.port}`, '-c', 'get', 'menu', 'got']
        const { code, said } = await run('tftp', 'tftp-hpa', args, cwd)
        assert.equal(code, 0, said)
        assert.deepEqual(await readFile(join(cwd, 'got')), text)
      })

      test('curl names the reason when there is no such file', async (t) => {
        const { door } = await openStage(t, way)
        const { code } = await run('curl', 'curl', ['-sS', `tftp://${host}:${door.port}/nope`], tmpdir())
        assert.equal(code, 68) // CURLE_TFTP_NOTFOUND
      })
    })
})

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'bootstead-tftp-'))
  t.after(() => rm(path, { recursive: true }))
  return path
}

type NpmTftp = Readonly<{
  createClient: (options: { host: string; port: number }) => {
    get: (remote: string, local: string, done: (error?: Error) => void) => void
  }
}>

function fetchWithNpmTftp(port: number, path: string, cwd: string): Promise<Outcome> {
  const npmTftp = createRequire(import.meta.url)('tftp') as NpmTftp
  return new Promise((resolved) => {
    npmTftp.createClient({ host, port }).get(path, join(cwd, 'got'), (failure) => {
      resolved(failure ? { code: 1, said: failure.message } : { code: 0, said: '' })
    })
  })
}

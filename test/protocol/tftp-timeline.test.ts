// What a machine's timeline says of transfers that real programs broke off, or never got.
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Store } from '../../server/inventory/store/open.ts'
import { readEvents } from '../../server/inventory/store/read.ts'
import { requireHostFiles } from '../boot/packages.ts'
import { sqliteStore, startServer, temporaryFolder } from '../fixtures.ts'
import { rrq, TftpTestClient } from './tftp-client.ts'

/** All clients of this host are one machine. */
const inventory = `
networks: {lab: {cidr: 127.0.0.0/8}}
profiles: {p: {}}
machines: {node1: {profile: p, interfaces: {eth0: {mac: 02:00:00:00:00:01, ip: 127.0.0.1, network: lab}}}}
`
const KERNEL = 'images/el9/vmlinuz'
const INITRD = 'images/el9/initrd.img'
/** In lock-step by 512 octets it takes long enough to be broken off. */
const INITRD_BYTES = 60_000_000

type Farm = Readonly<{
  port: number
  folder: string
  /** The first event that matches, there already or to come. */
  said: (wanted: RegExp) => Promise<string>
  all: () => Promise<readonly string[]>
}>

async function openFarm(t: TestContext): Promise<Farm> {
  requireHostFiles([
    { file: 'curl', debian: 'curl' },
    { file: 'atftp', debian: 'atftp' },
    { file: 'busybox', debian: 'busybox-static' },
  ])
  const [stateDir, folder] = [temporaryFolder(t), temporaryFolder(t)]
  await mkdir(dirname(join(stateDir, INITRD)), { recursive: true })
  await writeFile(join(stateDir, KERNEL), new Uint8Array(100_000))
  await writeFile(join(stateDir, INITRD), new Uint8Array(INITRD_BYTES))
  const store = await sqliteStore(t, inventory)
  const server = await startServer(t, store, { stateDir, dhcpPort: null })
  const all = () => detailsIn(store)
  const said: Farm['said'] = async (wanted) => {
    const end = performance.now() + PATIENCE_MS
    while (true) {
      const found = (await all()).find((detail) => wanted.test(detail))
      if (found !== undefined) return found
      assert.ok(performance.now() < end, `the timeline never said ${String(wanted)}: ${(await all()).join('\n')}`)
      await delay(100)
    }
  }
  return { port: server.ports.tftp ?? assert.fail('no port'), folder, said, all }
}

/** The silent are given up after half a minute; beyond that it is for a machine under load. */
const PATIENCE_MS = 120_000

const detailsIn = async (store: Store): Promise<readonly string[]> =>
  (await readEvents(store, 'node1', 100)).map(({ detail }) => detail ?? '')

const begin = (t: TestContext, { folder }: Farm, command: string, words: readonly string[]): ChildProcess => {
  const child = spawn(command, words, { cwd: folder, stdio: 'ignore' })
  t.after(() => void child.kill('SIGKILL'))
  return child
}

const atftp = ({ port }: Farm, path: string, into: string): readonly string[] => [
  ...['--option', 'tsize 0', '-g', '-r', path, '-l', into, '127.0.0.1', `${port}`],
]

async function hasBegun(path: string): Promise<void> {
  while (((await stat(path).catch(() => null))?.size ?? 0) === 0) await delay(5)
}

const killed: Readonly<Record<string, (farm: Farm) => readonly [string, readonly string[]]>> = {
  curl: ({ port }) => ['curl', ['-s', '-N', '-o', 'got', `tftp://127.0.0.1:${port}/${INITRD}`]],
  atftp: (farm) => ['atftp', atftp(farm, INITRD, 'got')],
}

describe('the timeline of a machine whose', { concurrency: true }, () => {
  for (const [name, wordsOf] of Object.entries(killed))
    test(`${name} is killed in the middle says how far it came and what was not answered`, async (t) => {
      const farm = await openFarm(t)
      const client = begin(t, farm, ...wordsOf(farm))
      await hasBegun(join(farm.folder, 'got'))
      client.kill('SIGKILL')
      const said = await farm.said(/broken off/)
      const [, percent, block, blocks] =
        /^\S+ over tftp: broken off at (\d+) % \(no answer to block (\d+) of (\d+)/.exec(said) ?? []
      assert.ok(Number(percent) < 100 && Number(block) > 0 && Number(block) <= Number(blocks), said)
    })

  test('memory is full has the words of its ERROR, be it before or after its first acknowledgement', async (t) => {
    const farm = await openFarm(t)
    const noRoom = async (words: readonly string[]): Promise<void> => {
      const limits = `ulimit -f 0; trap '' XFSZ; exec "$@"`
      await once(begin(t, farm, 'sh', ['-c', limits, 'sh', ...words]), 'exit')
    }
    await noRoom(['busybox', 'tftp', '-g', '-r', KERNEL, '-l', 'got', '127.0.0.1', `${farm.port}`])
    assert.equal(
      await farm.said(/vmlinuz/),
      `${KERNEL} over tftp: broken off at 0 % (the client ended it: write error (error 3))`,
    )
    await noRoom(['atftp', ...atftp(farm, INITRD, 'got')])
    assert.match(await farm.said(/initrd/), /at 0 % \(the client ended it: Disk full .* \(error 3\)\)$/)
  })

  test('ROM hears none of our packets: the OACK was not answered', async (t) => {
    const farm = await openFarm(t)
    const deaf = await TftpTestClient.open()
    t.after(() => deaf.close())
    await deaf.send(rrq(KERNEL, { tsize: '0' }), farm.port)
    assert.equal(
      await farm.said(/broken off/),
      `${KERNEL} over tftp: broken off at 0 % (no answer to the options (OACK))`,
    )
  })

  test('kernel or boot file is missing says so; what loaders only try leaves nothing, nor does a question for the size', async (t) => {
    const farm = await openFarm(t)
    for (const path of ['pxelinux.cfg/default', 'ldlinux.e32', 'images/el9/none', 'snponly.efi'])
      await once(begin(t, farm, 'atftp', atftp(farm, path, 'got')), 'exit')
    await once(begin(t, farm, 'atftp', atftp(farm, KERNEL, 'got')), 'exit')
    await farm.said(/vmlinuz/)
    assert.deepEqual(await farm.all(), [
      'images/el9/none over tftp: refused (no such file)',
      'snponly.efi over tftp: refused (no such file)',
      `${KERNEL} over tftp`,
    ])
  })
})

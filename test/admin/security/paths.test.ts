// Path tricks at every route that serves files: images, repositories, loaders, first-boot scripts and TFTP; assets and
// the API's own page. The bytes go out as they are written here.
import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { sqliteStore, startServer, temporaryFolder } from '../../fixtures.ts'
import { TftpTestClient } from '../../protocol/tftp-client.ts'
import { cookieOf, openTestSite } from '../site.ts'
import { getRaw, listenAt } from './wire.ts'

const canary = 'what nobody is to read'

/** By the folder that it is below: a file that is served. */
const served: Readonly<Record<string, string>> = {
  images: 'images/el9/vmlinuz',
  repo: 'repo/el9/repodata/repomd.xml',
  loaders: 'grubx64.efi',
  firstboot: 'firstboot/xenconf',
}

type Ground = Readonly<{ folder: string; http: number; tftp: number }>

/** A canary beside each folder that is served, above all of them, and behind links that lead out. */
async function open(t: TestContext): Promise<Ground> {
  const folder = temporaryFolder(t)
  const stateDir = join(folder, 'state')
  const write = (path: string, text: string): void => {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  for (const path of ['canary', 'state/canary', 'state/images/.canary', 'state/repo/el9/.git/canary'])
    write(path, canary)
  write('state/images/el9/vmlinuz', 'good')
  write('state/repo/el9/repodata/repomd.xml', 'good')
  write('state/loaders/grubx64.efi', 'good')
  write('firstboot/xenconf', 'good')
  for (const [from, to] of [
    ['state/images/el9/link', join(folder, 'canary')],
    ['state/repo/el9/out', folder],
    ['state/loaders/link', '../canary'],
    ['firstboot/link', '../canary'],
  ] as const)
    symlinkSync(to, join(folder, from))
  const server = await startServer(t, await sqliteStore(t, 'site: {}'), {
    ...{ stateDir, firstbootDir: join(folder, 'firstboot'), dhcpPort: null },
  })
  return { folder, http: server.ports.http ?? 0, tftp: server.ports.tftp ?? 0 }
}

const ups = ['..', '%2e%2e', '.%2e', '..%2f..', '%2e%2e%2f%2e%2e', '..%5c..', '..\\..', '%252e%252e', '%c0%ae%c0%ae']

/** Ways to a canary from below `below`. */
function tricksBelow(folder: string, below: string): readonly string[] {
  const at = below === '' ? '' : `${below}/`
  return [
    ...ups.flatMap((up) => [`${at}${up}/canary`, `${at}${up}/${up}/canary`, `${at}x/${up}/${up}/${up}/canary`]),
    ...['link', 'out/canary', 'out/state/canary', '.canary', '.git/canary'].map((name) => `${at}${name}`),
    ...[`${at}/${folder}/canary`, `${at}%2f${folder}/canary`, `${at}${encodeURIComponent(`${folder}/canary`)}`],
    ...[`${at}canary%00`, `${at}%00../canary`, `${at}canary%00.txt`, `${at}..;/canary`, `${at}file:${folder}/canary`],
    `${at}${'../'.repeat(60)}${folder.slice(1)}/canary`,
    `${at}${'a'.repeat(4000)}`,
    `${at}${'a/'.repeat(2000)}x`,
  ]
}

const belows = [
  '',
  'images',
  'images/el9',
  'repo',
  'repo/el9',
  'firstboot',
  'ks',
  'dom0',
  'ipxe',
  'pxelinux.cfg',
  'grub',
]

describe('a path with tricks', () => {
  test('at the HTTP door gets nothing, and the file beside is served', async (t) => {
    const { folder, http } = await open(t)
    for (const path of belows.flatMap((below) => tricksBelow(folder, below)))
      for (const start of ['/', '//', '/./', 'http://127.0.0.1/']) {
        const { status, body } = await getRaw(http, `${start}${path}`)
        assert.ok([400, 403, 404].includes(status), `${start}${path.slice(0, 100)}: ${status}`)
        assert.ok(!body.includes(canary), path.slice(0, 100))
      }
    for (const path of Object.values(served)) assert.equal((await getRaw(http, `/${path}`)).body, 'good', path)
    assert.equal((await getRaw(http, `/${'a'.repeat(20_000)}`)).status, 431, 'no head of a request is that long')
  })

  test('at the TFTP door gets nothing either', async (t) => {
    const { folder, tftp } = await open(t)
    const ask = async (client: TftpTestClient, path: string) => {
      await client.send(Buffer.from(`\0\x01${path}\0octet\0`), tftp)
      return client.next()
    }
    const short = belows.flatMap((below) => tricksBelow(folder, below)).filter(({ length }) => length < 450)
    const paths = [...short, ...short.map((path) => `/${path}`)]
    // From many addresses: one is told of 200 refusals a second, and no more.
    for (let begin = 0; begin < paths.length; begin += 150) {
      const client = await TftpTestClient.open({ address: `127.0.1.${begin / 150 + 1}`, server: '127.0.0.1' })
      t.after(() => client.close())
      for (const path of paths.slice(begin, begin + 150)) assert.equal((await ask(client, path)).kind, 'error', path)
    }
    for (const path of Object.values(served)) {
      const client = await TftpTestClient.open()
      t.after(() => client.close())
      const reply = await ask(client, path)
      assert.equal(reply.kind === 'data' ? reply.payload.toString() : reply.kind, 'good', path)
    }
  })

  test('at the assets of the pages gets nothing, whoever asks', async (t) => {
    const site = await openTestSite(t)
    const { port } = await listenAt(t, site)
    const Cookie = cookieOf(await site.session('admin'))
    const [asset = ''] = /\/assets\/[^"]+\.css/.exec((await getRaw(port, '/login')).body) ?? []
    const [, hash = ''] = asset.split('/').slice(1)
    const tricks = ['assets', `assets/${hash}`, 'reference'].flatMap((below) => [
      ...ups.flatMap((up) => [`${below}/${up}/package.json`, `${below}/${up}/${up}/${up}/${up}/package.json`]),
      ...[`${below}/`, `${below}//site.css`, `${below}/site.css%00`, `${below}/.%00`, `${below}/__proto__`],
      ...[
        `${below}/%2fetc%2fpasswd`,
        `${below}//etc/passwd`,
        `${below}/constructor/site.css`,
        `${below}/${'a'.repeat(4000)}`,
      ],
    ])
    for (const path of tricks) {
      const { status, body } = await getRaw(port, `/${path}`, { Cookie })
      assert.ok(
        [400, 404].includes(status) || (status === 200 && path === 'reference/'),
        `${path.slice(0, 90)}: ${status}`,
      )
      assert.doesNotMatch(body, /"dependencies"|root:x:/)
    }
    assert.equal((await getRaw(port, asset)).status, 200)
  })

  test('at an export gets none of another name', async (t) => {
    const site = await openTestSite(t)
    const { port } = await listenAt(t, site)
    const Cookie = cookieOf(await site.session('admin'))
    for (const up of [...ups, 'x', '__proto__', 'machines.csv%00'])
      for (const path of [`/export/${up}`, `/export/${up}%2fpackage.json`]) {
        const { status, body } = await getRaw(port, path, { Cookie })
        assert.ok([400, 404].includes(status) || (status === 303 && up.includes('..')), `${path}: ${status}`)
        assert.doesNotMatch(body, /"dependencies"/)
      }
  })
})

// The whole path once, without firmware: from a row to an address, a menu, a kickstart, and local boot ever after.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readEvents } from '../../server/inventory/store/read.ts'
import { recordArming } from '../../server/inventory/store/record.ts'
import { sqliteStore, startServer } from '../fixtures.ts'

const inventory = `
networks: {lab: {cidr: 127.0.0.0/8}}
images: {el9: {arch: x86_64, kernel: vmlinuz, initrd: initrd.img, tree_url: repo/el9}}
profiles: {el9: {family: el, version: "9", template: plain.ks, image: el9}}
machines:
  node1: {profile: el9, disk: sda, interfaces: {eth0: {mac: 02:00:00:00:00:01, ip: 127.0.0.11, network: lab}}}
  node2: {profile: el9, disk: sda, interfaces: {eth0: {mac: 02:00:00:00:00:02, ip: 127.0.0.12, network: lab}}}
`
const pxe = (name: string): [string, string] => [
  `pxe/${name}`,
  readFileSync(join(import.meta.dirname, '../../pxe', name), 'utf8'),
]
const sources = new Map([
  pxe('pxelinux.cfg'),
  pxe('grub.cfg'),
  pxe('menu.ipxe'),
  ['plain.ks', 'text\n# for {{ machine.hostname }} with {{ token }}\n'],
])

test('an armed machine gets address, menu and kickstart, reports once, and boots its disk from then on', async (t) => {
  const store = await sqliteStore(t, inventory)
  const server = await startServer(t, store, { templates: { sources, names: new Set(['plain.ks']) } })
  const base = `http://127.0.0.1:${server.ports.http ?? 0}`
  const menuUrl = `${base}/ipxe/02:00:00:00:00:01.ipxe`
  const menu = async (): Promise<string> => (await fetch(menuUrl)).text()

  assert.match(await menu(), /boot is local/)
  assert.equal((await fetch(`${base}/ks/node1`)).status, 403)

  await recordArming(store, ['node1'], { who: 'test', now: Date.now(), expiresAt: Date.now() + 60_000 })
  await server.live.catchUp()
  const armed = await menu()
  const url = /inst\.ks=(\S+)/.exec(armed)?.[1] ?? ''
  assert.match(armed, new RegExp(`kernel ${base}/images/el9/vmlinuz initrd=initrd.img inst.ks=`))
  assert.match(url, new RegExp(`^${base}/ks/node1\\?token=[\\w-]{22}$`))

  assert.match(await (await fetch(url)).text(), /for node1 with [\w-]{22}/)
  assert.equal((await fetch(url.replace('node1', 'node2'))).status, 403)
  assert.equal((await fetch(`${base}/ks/node1?token=wrong`)).status, 403)

  const token = new URL(url).searchParams.get('token') ?? ''
  const report = (stage: string): Promise<Response> =>
    fetch(`${base}/events/node1`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: new URLSearchParams({ stage }),
    })
  assert.equal((await report('installing')).status, 202)
  assert.equal((await report('installed')).status, 200)
  const again = await report('installed')
  assert.equal(again.status, 200, 'an answer may get lost on its way; the installer asks again')
  assert.match(await again.text(), /was reported installed at/)
  assert.match(await menu(), /boot is local/)
  assert.equal((await fetch(url)).status, 403)

  await server.live.catchUp()
  const told = (await readEvents(store, 'node1', 100)).map(({ stage, detail }) =>
    detail?.includes('refused') === true ? 'refused' : stage,
  )
  assert.deepEqual(told, [
    ...['loader', 'refused', 'armed', 'loader', 'kickstart', 'refused'],
    ...['installing', 'installed', 'loader', 'refused'],
  ])
})

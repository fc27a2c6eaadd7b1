import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadTemplates, knownTemplates } from '../../../server/cli/templates.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeRow } from '../../../server/inventory/encode.ts'
import type { Machine } from '../../../server/inventory/rows.ts'
import type { Snapshot } from '../../../server/inventory/snapshot.ts'
import { changeSnapshot } from '../../../server/inventory/snapshot.ts'
import { recordArming, recordBootAction } from '../../../server/inventory/store/record.ts'
import type { RenderContext } from '../../../server/render/catalogue.ts'
import { artefactAt, artefactsOf, catalogue } from '../../../server/render/catalogue.ts'
import { templateEngine } from '../../../server/render/templates.ts'
import { TftpTestClient } from '../../protocol/tftp-client.ts'
import { address, snapshotOf, sqliteStore, startServer } from '../../fixtures.ts'

const sources = loadTemplates(null)
const known = knownTemplates(sources)
const engine = templateEngine(sources)
const farmYaml = readFileSync(join(import.meta.dirname, '../../../samples/farm.yaml'), 'utf8')
const farm = snapshotOf(farmYaml)
const context: RenderContext = {
  snapshot: farm,
  server: { advertise: address('192.0.2.1'), addresses: [], httpPort: 80 },
  known,
  now: 0,
  engine,
}

function changed(snapshot: Snapshot, hostname: string, columns: Partial<Machine>): Snapshot {
  const machine = snapshot.machines.get(hostname)
  assert.ok(machine)
  const raw = encodeRow({ ...machine, ...columns })
  return changeSnapshot(snapshot, [{ table: 'machines', key: hostname, raw }], snapshot.revision + 1)
}

describe('paths', () => {
  const named = (path: string): string | null => {
    const ref = artefactAt(farm, path)
    return ref === null ? null : [ref.artefact.name, ref.hostname, ref.guest].filter((part) => part !== null).join(' ')
  }

  test('DESIGN §4: each form of path names one artefact of one machine', () => {
    const rows = [
      ['pxelinux.cfg/01-00-00-5e-00-53-01', 'pxelinux acas0001'],
      ['grub/grub.cfg-01-00-00-5e-00-53-01', 'grub acas0001'],
      ['ipxe/00:00:5e:00:53:01.ipxe', 'ipxe acas0001'],
      ['ks/acas0001', 'kickstart acas0001'],
      ['dom0/acas0001/manifest', 'manifest acas0001'],
      ['dom0/acas0001/xen/acas0002', 'xen acas0001 acas0002'],
      ['dom0/acas0001/xen/acas0002_install', 'xen-install acas0001 acas0002'],
      ['dom0/acas0001/libvirt/acas0002.xml', 'libvirt acas0001 acas0002'],
      ['dom0/acas0001/libvirt/acas0002_install.xml', 'libvirt-install acas0001 acas0002'],
    ] as const
    for (const [path, expected] of rows) assert.equal(named(path), expected)
  })

  test('GRUB and iPXE write MACs in either case, with colons or dashes', () => {
    for (const path of [
      'grub/grub.cfg-01-00-00-5E-00-53-01',
      'grub/grub.cfg-01-00:00:5e:00:53:01',
      'ipxe/00-00-5E-00-53-01.ipxe',
      'pxelinux.cfg/01-00-00-5E-00-53-01',
    ])
      assert.match(named(path) ?? '', /acas0001$/, path)
  })

  test('PXELINUX, doc/pxelinux.txt: the UUID that it tries before the MAC, and the hex address behind it, are no paths of ours', () => {
    for (const name of ['564d1c2e-0000-4000-8000-00005e005301', 'C000020B', 'C', 'default'])
      assert.equal(named(`pxelinux.cfg/${name}`), null)
  })

  test('a host name is the same in any case', () => {
    assert.equal(named('ks/ACAS0001'), 'kickstart acas0001')
  })

  test('anything else is no artefact: another shape, a MAC of nobody, a path upwards', () => {
    for (const path of [
      '',
      'ks',
      'ks/',
      'ks/a/b',
      'pxelinux.cfg/default',
      'pxelinux.cfg/C0A80001',
      'pxelinux.cfg/01-00-00-5e-00-53-99',
      'pxelinux.cfg/01-00-00-5e-00-53',
      'ipxe/00:00:5e:00:53:01',
      'dom0/acas0001',
      'dom0/acas0001/xen/',
      'dom0/acas0001/xen/../x',
      'dom0/acas0001/xen/a b',
      'dom0/acas0001/xen/acas0002.xml',
      'dom0/acas0001/libvirt/acas0002',
      'dom0/acas0001/libvirt/acas0002_xml',
      'xks/acas0001',
      '../ks/acas0001',
    ])
      assert.equal(named(path), null, path)
  })

  test('any card of a machine leads to its menu: which one firmware boots from is its own choice', () => {
    const two = snapshotOf(
      'machines: {a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:01}, eth1: {mac: 00:00:5e:00:53:02}}}}',
    )
    for (const mac of ['01', '02']) assert.equal(artefactAt(two, `ipxe/00:00:5e:00:53:${mac}.ipxe`)?.hostname, 'a')
  })
})

describe('the catalogue', () => {
  test('every path that it lists for a machine is one that it finds again, and renders', () => {
    for (const hostname of farm.machines.keys())
      for (const { artefact, path } of artefactsOf(context, hostname)) {
        const ref = artefactAt(farm, path)
        assert.equal(ref?.artefact, artefact, path)
        assert.equal(ref.hostname, hostname)
        assert.equal(artefact.render(context, ref).kind, 'text', path)
      }
  })

  test('whoever was asked for before, a menu is its own machine’s, of its own picture', () => {
    const menuOf = (of: RenderContext, hostname: string, menu: string): string => {
      const [named] = artefactsOf(of, hostname).filter(({ artefact }) => artefact.name === menu)
      const ref = artefactAt(of.snapshot, named?.path ?? '')
      const rendered = ref?.artefact.render(of, ref)
      return rendered?.kind === 'text' ? rendered.text : ''
    }
    const later = { ...context, snapshot: changed(farm, 'acas0001', { boot: 'memtest' }) }
    for (const menu of ['pxelinux', 'grub', 'ipxe', 'pxelinux']) {
      assert.match(menuOf(context, 'acas0001', menu), /acas0001: boot is local/)
      assert.match(menuOf(context, 'acas0002', menu), /acas0002: boot is local/)
      assert.match(menuOf(later, 'acas0001', menu), /acas0001: boot is memtest/)
    }
  })

  test('also of a guest without a MAC of its own', () => {
    const snapshot = snapshotOf(`
networks: {n: {cidr: 192.0.2.0/24}}
profiles: {xen: {hypervisor: xen}, p: {}}
machines:
  dom0: {profile: xen, interfaces: {eth0: {mac: 00:00:5e:00:53:01, network: n, bridge: xenbr0}}}
  web: {profile: p, dom0: dom0, vdisk: /dev/sda5, memory_mib: 512, interfaces: {eth0: {network: n}}}`)
    const paths = artefactsOf({ ...context, snapshot }, 'web').map(({ path }) => path)
    assert.equal(paths.length, 3)
    for (const path of paths) assert.equal(artefactAt(snapshot, path)?.hostname, 'web', path)
  })

  test('DESIGN §7: what has a token in it needs one, or is for the machine’s own address alone; TFTP carries menus only', () => {
    const shown = catalogue.map(({ name, access, doors }) => `${name} ${access} ${doors.join('+')}`)
    assert.deepEqual(shown, [
      'pxelinux own-address tftp+http+disk',
      'grub own-address tftp+http+disk',
      'ipxe own-address tftp+http+disk',
      'kickstart install-token http',
      'manifest machine-token http',
      'xen machine-token http',
      'xen-install machine-token http',
      'libvirt machine-token http',
      'libvirt-install machine-token http',
    ])
  })

  test('a machine that is not armed has no kickstart, and says why', () => {
    const ref = artefactAt(farm, 'ks/acas0001')
    assert.ok(ref)
    assert.deepEqual(ref.artefact.render(context, ref), {
      kind: 'none',
      why: 'acas0001 is not to be installed: boot is local',
    })
  })
})

test('one set, three doors: HTTP’s bytes are TFTP’s bytes are what the catalogue renders', async (t) => {
  const store = await sqliteStore(t, farmYaml)
  const armedAt = { who: 'test', now: Date.now() }
  await recordArming(store, ['acas0001', 'acas0022'], { ...armedAt, expiresAt: Date.now() + 3_600_000 })
  await recordBootAction(store, ['acas0004'], 'memtest', armedAt)
  await recordBootAction(store, ['acas0007'], 'hold', armedAt)
  await recordBootAction(store, ['acas0021'], 'rescue', armedAt)
  const server = await startServer(t, store, { templates: { sources, names: known.templates } })
  const tftp = await TftpTestClient.open()
  t.after(() => tftp.close())
  const served: RenderContext = {
    snapshot: server.live.snapshot(),
    server: { advertise: address('127.0.0.1'), addresses: [address('127.0.0.1')], httpPort: server.ports.http ?? 0 },
    known,
    now: Date.now(),
    engine,
  }
  let compared = 0
  for (const hostname of ['acas0001', 'acas0002', 'acas0004', 'acas0007', 'acas0021', 'acas0022', 'acas0024'])
    for (const { artefact, path } of artefactsOf(served, hostname)) {
      if (!artefact.doors.includes('tftp')) continue
      const ref = artefactAt(served.snapshot, path)
      assert.ok(ref)
      const rendered = artefact.render(served, ref)
      assert.ok(rendered.kind === 'text')
      const http = await (await fetch(`http://127.0.0.1:${server.ports.http ?? 0}/${path}`)).text()
      const overTftp = await tftp.fetch(server.ports.tftp ?? 0, path, { blksize: '1468', tsize: '0' })
      assert.equal(http, rendered.text, path)
      assert.equal(overTftp.toString(), rendered.text, path)
      compared++
    }
  assert.equal(compared, 21)
})

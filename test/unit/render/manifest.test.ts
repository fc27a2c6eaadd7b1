// What a Dom0 of the sample farm pulls, byte for byte where it is served, with the guests' configurations it names.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { loadTemplates } from '../../../server/cli/templates.ts'
import type { RowChange, Snapshot } from '../../../server/inventory/snapshot.ts'
import { changeSnapshot, emptySnapshot } from '../../../server/inventory/snapshot.ts'
import type { RenderContext } from '../../../server/render/catalogue.ts'
import { artefactAt, artefactsOf } from '../../../server/render/catalogue.ts'
import { renderManifest } from '../../../server/render/manifest.ts'
import { templateEngine } from '../../../server/render/templates.ts'
import { assertGolden } from '../../golden/golden.ts'
import { address } from '../../fixtures.ts'
import { armed, known, sampleRows } from './farm.ts'

const engine = templateEngine(loadTemplates(null))
const server = { advertise: address('192.0.2.1'), addresses: [], httpPort: 80 }
const checksum = (octet: string): string => octet.repeat(32)

/** The sample farm with one guest of each group armed, and the checksums that `bootstead image add` writes. */
const farm = (() => {
  const rows = changeSnapshot(emptySnapshot, sampleRows('farm.yaml'), 1)
  const images = ['sl4-i386-xen', 'fedora44-x86_64'].map((name, index): RowChange => {
    const sha256 = {
      vmlinuz: checksum(`a${index}`),
      'initrd.img': checksum(`b${index}`),
      'images/install.img': checksum('cc'),
    }
    return { table: 'images', key: name, raw: { ...rows.images.get(name), sha256 } }
  })
  return armed(armed(changeSnapshot(rows, images, 2), 'acas0002'), 'acas0022')
})()

const contextOf = (snapshot: Snapshot): RenderContext => ({
  snapshot,
  server,
  known,
  now: Date.parse('2026-01-02T12:00:00.000Z'),
  engine,
})
const put = (table: RowChange['table'], key: string, raw: object): RowChange => ({ table, key, raw: { ...raw } })
const guestRow = (name: string, columns: object): RowChange =>
  put('machines', name, { ...farm.machines.get(name), ...columns })

function textAt(path: string, snapshot = farm): string {
  const ref = artefactAt(snapshot, path)
  assert.ok(ref, path)
  const rendered = ref.artefact.render(contextOf(snapshot), ref)
  assert.ok(rendered.kind === 'text', rendered.kind === 'none' ? rendered.why : '')
  return rendered.text
}
const manifestWith = (...changes: readonly RowChange[]): string =>
  textAt('dom0/acas0001/manifest', changeSnapshot(farm, changes, 3))
const linesOf = (manifest: string, word: string): readonly string[] =>
  manifest.split('\n').filter((line) => line.startsWith(`${word} `))

describe('the sample farm', () => {
  for (const dom0 of ['acas0001', 'acas0021']) {
    const paths = artefactsOf(contextOf(farm), dom0).flatMap(({ path }) => (path.startsWith('dom0/') ? [path] : []))
    for (const path of paths) test(`${path}, where it is served`, () => assertGolden(path, textAt(path)))

    test(`${dom0}: every configuration is a Python file, as xm reads it`, () => {
      for (const path of paths.filter((one) => !one.endsWith('/manifest'))) {
        const done = spawnSync('python3', ['-c', 'import sys; compile(sys.stdin.read(), "guest", "exec")'], {
          input: textAt(path),
          encoding: 'utf8',
        })
        assert.equal(done.status, 0, done.stderr)
      }
    })
  }

  test('an armed guest has two configurations, the others one', () => {
    const paths = artefactsOf(contextOf(farm), 'acas0001')
      .map(({ path }) => path)
      .filter((path) => path.startsWith('dom0/'))
    assert.deepEqual(paths, [
      'dom0/acas0001/manifest',
      'dom0/acas0001/xen/acas0002',
      'dom0/acas0001/xen/acas0003',
      'dom0/acas0001/xen/acas0002_install',
    ])
  })
})

describe('a manifest', () => {
  test('names each file with the checksum of the bytes that are served at its path', () => {
    const files = linesOf(textAt('dom0/acas0001/manifest'), 'file').map((line) => line.split(' '))
    assert.equal(files.length, 5)
    for (const [, sha256, mode, destination = '', path = ''] of files) {
      assert.equal(mode, destination.startsWith('xen/') ? '0600' : '0644')
      if (path.startsWith('images/')) assert.equal(destination, path.replace('images/', 'boot/'))
      else assert.equal(sha256, createHash('sha256').update(textAt(path)).digest('hex'))
    }
  })

  test('has the install kernel and initrd of its guests and nothing else of their images', () => {
    const images = linesOf(textAt('dom0/acas0001/manifest'), 'file').filter((line) => line.includes('images/'))
    assert.deepEqual(
      images.map((line) => line.split(' ').at(-1)),
      ['images/sl4-i386-xen/initrd.img', 'images/sl4-i386-xen/vmlinuz'],
    )
  })

  test('counts its lines at the end, so that a truncated copy is seen', () => {
    const lines = textAt('dom0/acas0001/manifest').trimEnd().split('\n')
    assert.equal(lines[0], '# bootstead manifest 1 acas0001')
    assert.equal(lines.at(-1), `end ${lines.length - 2}`)
    assert.equal(
      renderManifest({ dom0: 'x', files: [], images: [], withheld: [] }),
      '# bootstead manifest 1 x\nend 0\n',
    )
  })

  test('is the same bytes for the same inventory, in whatever order its rows came', () => {
    const [a, b] = [
      { path: 'dom0/x/xen/a', sha256: '1' },
      { path: 'dom0/x/xen/b', sha256: '0' },
    ] as const
    const made = { dom0: 'x', images: [], withheld: [] }
    assert.equal(renderManifest({ ...made, files: [a, b] }), renderManifest({ ...made, files: [b, a] }))
    assert.equal(linesOf(renderManifest({ ...made, files: [a, a] }), 'file').length, 1)
  })
})

describe('DESIGN §2: a bad row never takes down its neighbours', () => {
  const neighbour = /^file \w+ 0600 xen\/acas0002 dom0\/acas0001\/xen\/acas0002$/m

  test('a withheld guest’s configuration on the Dom0 stays as it is', () => {
    const manifest = manifestWith(guestRow('acas0003', { vdisk: null }))
    assert.deepEqual(linesOf(manifest, 'keep'), ['keep acas0003'])
    assert.match(manifest, neighbour)
    assert.doesNotMatch(manifest, /^file .*acas0003/m)
  })

  test('so does that of a guest whose row can’t be read: its Dom0 may be the very column that is mistyped', () => {
    for (const columns of [{ memory_mib: 'lots' }, { dom0: 'acas 0001' }]) {
      const manifest = manifestWith(guestRow('acas0003', columns))
      assert.deepEqual(linesOf(manifest, 'keep'), ['keep acas0003'])
      assert.match(manifest, neighbour)
    }
  })

  test('so does that of a guest whose values no configuration can say', () => {
    const manifest = manifestWith(guestRow('acas0003', { params: { bootloader: 'py"grub' } }))
    assert.deepEqual(linesOf(manifest, 'keep'), ['keep acas0003'])
    assert.match(manifest, neighbour)
  })

  test('a guest that left the Dom0 is not kept', () => {
    const manifest = manifestWith(
      guestRow('acas0003', { dom0: 'acas0004', vdisk: '/dev/sda7', cpus: null, memory_mib: 512 }),
    )
    assert.deepEqual(linesOf(manifest, 'keep'), [])
    assert.doesNotMatch(manifest, /acas0003/)
  })

  test('a key that is no host name stands in no manifest: a line of it could be a command of its own', () => {
    const raw = { hostname: 'x\nend 0', profile: 'p' }
    assert.doesNotMatch(manifestWith(put('machines', raw.hostname, raw)), /^end 0|keep/m)
  })
})

describe('who has one', () => {
  test('only a Dom0 that is served: no guest, no machine without a hypervisor, none withheld, nobody unknown', () => {
    const why = (hostname: string, snapshot = farm): string => {
      const ref = artefactAt(snapshot, `dom0/${hostname}/manifest`)
      assert.ok(ref)
      const rendered = ref.artefact.render(contextOf(snapshot), ref)
      return rendered.kind === 'none' ? rendered.why : 'served'
    }
    assert.equal(why('acas0001'), 'served')
    assert.equal(why('acas0002'), 'acas0002 is no Dom0: its profile has no hypervisor')
    assert.match(why('nobody'), /nobody/)
    assert.match(why('acas0001', changeSnapshot(farm, [put('profiles', 'dom0', { name: 'dom0' })], 3)), /no hypervisor/)
    assert.match(why('acas0001', changeSnapshot(farm, [guestRow('acas0001', { uuid: 'x' })], 3)), /acas0001/)
  })

  test('a configuration is its own Dom0’s alone, and the install one only of an armed guest', () => {
    const why = (path: string): string => {
      const ref = artefactAt(farm, path)
      assert.ok(ref, path)
      const rendered = ref.artefact.render(contextOf(farm), ref)
      return rendered.kind === 'none' ? rendered.why : 'served'
    }
    assert.equal(why('dom0/acas0001/xen/acas0003'), 'served')
    assert.equal(why('dom0/acas0004/xen/acas0003'), 'acas0003 is no guest of acas0004')
    assert.equal(why('dom0/acas0001/xen/nobody'), 'nobody is no guest of acas0001')
    assert.equal(why('dom0/acas0001/xen/acas0002_install'), 'served')
    assert.equal(why('dom0/acas0001/xen/acas0003_install'), 'acas0003 is not to be installed: boot is local')
  })
})

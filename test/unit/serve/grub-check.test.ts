// GRUB's own parser (grub-script-check of grub-common) on menus that are about to be published.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import fc from 'fast-check'
import { loadTemplates, knownTemplates } from '../../../server/cli/templates.ts'
import { openTarget, renderTarget } from '../../../server/render/targets.ts'
import { templateEngine } from '../../../server/render/templates.ts'
import { publish } from '../../../server/serve/disk/publish.ts'
import { grubCheck } from '../../../server/serve/grub-check.ts'
import { address, snapshotOf, temporaryFolder } from '../../fixtures.ts'

const good = 'echo "booting"\nlinux /images/el9/vmlinuz quiet\nboot\n'
const menuName = (index: number): string => `grub.cfg-01-00-00-5e-00-53-${index.toString(16).padStart(2, '0')}`

/** What is wrong with menus, by their names. */
async function check(t: TestContext, menus: readonly string[]): Promise<readonly string[]> {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'root/grub'), { recursive: true })
  menus.forEach((text, index) => writeFileSync(join(folder, 'root/grub', menuName(index)), text))
  const verdict = await grubCheck(join(folder, 'root'), join(folder, 'scratch'))
  return verdict.ok ? [] : verdict.output.replaceAll(`${folder}/root/grub/`, '').trimEnd().split('\n')
}

const open: Readonly<Record<string, string>> = {
  'a single quote': "echo 'booting\n",
  'a double quote': 'echo "booting\n',
  'a quote that an apostrophe opened': "echo it's here\necho done\n",
  'a translated quote': 'echo $"booting\n',
  'a variable': 'echo ${net_default_mac\n',
  'a block': "menuentry 'x' {\n  boot\n",
  'an if': 'if true; then\n  boot\n',
  'an else': 'if true; then\n  boot\nelse\n',
  'a condition': 'if true\n',
  'a while': 'while true; do\n  sleep 1\n',
  'a for': 'for path in a b; do\n',
  'a function': 'function f {\n  boot\n',
  'a line': 'menuentry x \\\n',
}

for (const [what, text] of Object.entries(open))
  test(`${what} that is left open is found in its own menu, though the next menu would close it`, async (t) => {
    const complaints = await check(t, [good, text, good, text, good])
    assert.deepEqual(
      complaints.map((complaint) => complaint.split(' ')[0]),
      [menuName(1), menuName(3)],
    )
  })

test('the line of a mistake is counted in its own menu', async (t) => {
  assert.deepEqual(await check(t, [good, `${good}boot }\n`, good, 'if true; then\n  boot\n']), [
    `${menuName(1)} line 4: syntax error`,
    `${menuName(3)} line 2: the menu ends, and a quote, a block, an if or a loop does not`,
  ])
})

test('a menu without a newline at its end, an empty one and one that ends in empty lines are taken', async (t) => {
  assert.deepEqual(await check(t, ['boot', '', 'boot\n\n', '# a comment \\', good]), [])
})

test('of very many wrong menus some are named, and how many more there are', async (t) => {
  const wrong = (name: string) => `echo ${name}\nfi\n`
  const alike = Array.from({ length: 30 }, (_, index) => wrong(`node${index}`))
  const complaints = await check(t, alike)
  assert.deepEqual(
    complaints.slice(0, 10),
    Array.from({ length: 10 }, (_, index) => `${menuName(index)} line 2: syntax error`),
  )
  assert.deepEqual(complaints.slice(10), ['and in 20 other menus'])
  const different = Array.from({ length: 30 }, (_, index) => wrong('x'.repeat(index + 1)))
  assert.deepEqual((await check(t, different)).slice(10), ['20 menus were not read'])
})

test('all menus in one run: each is judged as when GRUB reads it alone', async (t) => {
  const fragment = fc.constantFrom(
    ...[
      'echo a',
      "echo 'a b'",
      "echo it's",
      'echo "x',
      'echo "$a" ${b}',
      'echo ${c',
      'echo $',
      'echo a \\',
      'echo a\\',
    ],
    ...[
      'if true; then',
      'elif true; then',
      'else',
      'fi',
      'while true; do',
      'until true; do',
      'for i in a b; do',
      'done',
    ],
    ...[
      '{',
      '}',
      'menuentry x {',
      "menuentry 'x'",
      'function f {',
      '# it’s "a comment',
      "#'",
      '"',
      "'",
      ';',
      '&',
      '|',
      '$"',
    ],
  )
  const menu = fc.array(fragment, { minLength: 1, maxLength: 4 }).map((lines) => `echo begin\n${lines.join('\n')}\n`)
  await fc.assert(
    fc.asyncProperty(fc.array(menu, { minLength: 1, maxLength: 8 }), async (menus) => {
      const alone = menus.flatMap((input, index) =>
        spawnSync('grub-script-check', { input }).status === 0 ? [] : [menuName(index)],
      )
      const together = await check(t, menus)
      assert.deepEqual(together.map((complaint) => complaint.split(' ')[0]).toSorted(), alone)
    }),
    { numRuns: 150 },
  )
})

test('the menus of every plan, and what leads to them, are taken', async (t) => {
  const sources = loadTemplates(null)
  const farm = snapshotOf(`
networks: {farm: {cidr: 192.0.2.0/24}}
images: {el9: {arch: x86_64, kernel: vmlinuz, initrd: initrd.img, tree_url: repo/el9}}
profiles: {el9: {family: el, version: '9', arch: x86_64, template: el9.ks, image: el9}}
machines:
  local: {profile: el9, serial_console: 'ttyS1,115200n8', interfaces: {eth0: {mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm}}}
  rescue: {profile: el9, boot: rescue, interfaces: {eth0: {mac: 00:00:5e:00:53:02, ip: 192.0.2.12, network: farm}}}
  memtest: {profile: el9, boot: memtest, interfaces: {eth0: {mac: 00:00:5e:00:53:03, ip: 192.0.2.13, network: farm}}}
  hold: {profile: el9, boot: hold, interfaces: {eth0: {mac: 00:00:5e:00:53:04, ip: 192.0.2.14, network: farm}}}
`)
  const root = temporaryFolder(t)
  const target = openTarget(
    {
      snapshot: farm,
      folder: root,
      server: { advertise: address('192.0.2.1'), addresses: [], httpPort: 8080 },
      known: knownTemplates(sources),
      now: 0,
      engine: templateEngine(sources),
      loaders: [],
      imagesFolder: '/nonexistent',
    },
    'tftpboot',
  )
  const menus: string[] = []
  for (const file of renderTarget(target)) {
    if (file.kind !== 'text') continue
    if (file.path.startsWith('grub/')) menus.push(file.path)
    mkdirSync(dirname(join(root, file.path)), { recursive: true })
    writeFileSync(join(root, file.path), file.sections.map(({ text }) => text).join(''))
  }
  assert.equal(menus.length, 7)
  assert.deepEqual(await grubCheck(root, join(root, 'scratch')), { ok: true })
  writeFileSync(join(root, 'grub/x86_64-efi/grub.cfg'), 'fi\n')
  assert.deepEqual(await grubCheck(root, join(root, 'scratch')), {
    ok: false,
    output: `${root}/grub/x86_64-efi/grub.cfg line 1: syntax error\n`,
  })
})

test('a publication with a wrong menu names the machine and publishes nothing; without a changed menu none is read', async (t) => {
  const folder = temporaryFolder(t)
  const target = { folder, swap: 'files', check: grubCheck } as const
  const set = (text: string) =>
    ({
      kind: 'whole',
      files: [
        { kind: 'text', path: `grub/${menuName(1)}`, sections: [{ machine: 'acas0001', text: good }] },
        { kind: 'text', path: `grub/${menuName(2)}`, sections: [{ machine: 'acas0002', text }] },
        { kind: 'text', path: 'pxelinux.cfg/default', sections: [{ machine: null, text }] },
      ],
    }) as const
  const now = new Date('2096-11-23T12:00:00Z')
  assert.equal((await publish(target, set(good), { now })).kind, 'published')
  const refused = await publish(target, set(`${good}linux /vmlinuz token='not-closed\n`), { now })
  assert.ok(refused.kind === 'refused')
  assert.deepEqual(
    refused.blamed.map(({ path, line, machine }) => ({ path, line, machine })),
    [{ path: `grub/${menuName(2)}`, line: 4, machine: 'acas0002' }],
  )
  assert.match(refused.output, /^grub\/grub\.cfg-01-00-00-5e-00-53-02 line 4: the menu ends/)
  assert.equal(readFileSync(join(folder, 'grub', menuName(2)), 'utf8'), good)
})

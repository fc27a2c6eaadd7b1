import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { debianLayouts, parseDebianIdentity, parseSums } from '../../../server/inventory/debian-tree.ts'

describe('what a Debian tree says of itself', () => {
  const debian = { family: 'debian' as const }
  for (const [name, text, expected] of [
    [
      'Release of a suite',
      'Origin: Debian\nLabel: Debian\nSuite: oldstable\nVersion: 12.11\nCodename: bookworm\nArchitectures: all amd64\n',
      { ...debian, product: 'Debian', version: '12.11', arch: null },
    ],
    [
      'version.info of a netboot folder',
      'Debian version:  12 (bookworm)\nInstaller build: 20230607+deb12u15\n',
      { ...debian, product: 'Debian', version: '12', arch: null },
    ],
    [
      '.disk/info of a medium',
      'Debian GNU/Linux 12.5.0 "Bookworm" - Official amd64 NETINST with firmware 20240210-11:27',
      { ...debian, product: 'Debian GNU/Linux', version: '12.5', arch: 'amd64' },
    ],
    [
      '.disk/info of an old medium',
      'Debian GNU/Linux 7.11.0 "Wheezy" - Official i386 CD Binary-1 20160605-17:36\n',
      { ...debian, product: 'Debian GNU/Linux', version: '7.11', arch: 'i386' },
    ],
    [
      'somebody else’s Release',
      'Origin: Ubuntu\nVersion: 24.04\n',
      { family: null, product: 'Ubuntu', version: '24.04', arch: null },
    ],
    ['nothing', '', { family: null, product: '', version: null, arch: null }],
  ] as const)
    test(name, () => assert.deepEqual(parseDebianIdentity(text), expected))
})

test('SHA256SUMS begins its paths at the folder it lies in', () => {
  const hex = 'ab'.repeat(32)
  const sums = parseSums(
    `${hex}  ./netboot/debian-installer/amd64/linux\n${hex} *mini.iso\nnot a sum  x\n`,
    'main/installer-amd64/current/images/SHA256SUMS',
  )
  assert.deepEqual(
    [...sums],
    [
      ['main/installer-amd64/current/images/netboot/debian-installer/amd64/linux', { algorithm: 'sha256', hex }],
      ['main/installer-amd64/current/images/mini.iso', { algorithm: 'sha256', hex }],
    ],
  )
})

test('an architecture that is given is the only one looked for, by Debian’s name for it', () => {
  assert.ok(debianLayouts('aarch64').every(({ arch }) => ['arm64', ''].includes(arch)))
  assert.ok(debianLayouts(null).some(({ kernel }) => kernel === 'debian-installer/i386/linux'))
  assert.ok(debianLayouts(null).every(({ kernel, initrd }) => kernel !== initrd))
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  architectureOf,
  familyOf,
  parseDiscinfo,
  parseTreeinfo,
  type Treeinfo,
} from '../../../server/inventory/treeinfo.ts'

const hex = (digit: string, length = 64): string => digit.repeat(length)

function parse(text: string): Treeinfo {
  return parseTreeinfo(text) ?? assert.fail('no treeinfo')
}

const pxeboot = { kernel: 'images/pxeboot/vmlinuz', initrd: 'images/pxeboot/initrd.img' }

const sl5 = `[general]
family = Scientific Linux
timestamp = 1316095236.43
totaldiscs = 1
version = 5.7
discnum = 1
packagedir = SL
variant =
arch = x86_64

[images-x86_64]
kernel = images/pxeboot/vmlinuz
initrd = images/pxeboot/initrd.img
boot.iso = images/boot.iso

[images-xen]
kernel = images/xen/vmlinuz
initrd = images/xen/initrd.img
`

const el5i386 = `[general]
family = CentOS
timestamp = 1209595777.61
totaldiscs = 1
version = 5.2
discnum = 1
packagedir = CentOS
arch = i386

[images-i386]
kernel = images/pxeboot/vmlinuz
initrd = images/pxeboot/initrd.img
boot.iso = images/boot.iso
diskboot.img = images/diskboot.img

[images-xen]
kernel = images/xen/vmlinuz
initrd = images/xen/initrd.img
`

const el6 = `[general]
family = Red Hat Enterprise Linux
timestamp = 1528382404.54
totaldiscs = 1
version = 6.10
discnum = 1
packagedir = Packages
variant = Server
arch = x86_64

[stage2]
mainimage = images/install.img

[images-x86_64]
kernel = images/pxeboot/vmlinuz
initrd = images/pxeboot/initrd.img
boot.iso = images/boot.iso

[images-xen]
kernel = images/pxeboot/vmlinuz
initrd = images/pxeboot/initrd.img

[checksums]
images/pxeboot/vmlinuz = sha256:${hex('a')}
images/pxeboot/initrd.img = sha256:${hex('b')}
images/boot.iso = sha1:${hex('c', 40)}
repodata/repomd.xml = md5:${hex('d', 32)}

[variant-Server]
repository = Server/repodata
`

const el7 = `[general]
name = CentOS-7
family = CentOS
timestamp = 1604001756.36
variant =
version = 7
packagedir =
arch = x86_64

[stage2]
mainimage = LiveOS/squashfs.img

[images-x86_64]
kernel = images/pxeboot/vmlinuz
initrd = images/pxeboot/initrd.img
boot.iso = images/boot.iso

[images-xen]
kernel = images/pxeboot/vmlinuz
initrd = images/pxeboot/initrd.img
`

/** The form productmd writes from EL 8 and Fedora 21 on. */
function productmd(product: string, short: string, version: string, arch: string): string {
  return `[checksums]
images/pxeboot/initrd.img = sha256:${hex('e')}
images/pxeboot/vmlinuz = sha256:${hex('f')}

[general]
; WARNING.0 = This section provides compatibility with pre-productmd treeinfos.
; WARNING.1 = Read productmd documentation for details about new format.
arch = ${arch}
family = ${product}
name = ${product} ${version}
packagedir = Packages
platforms = ${arch},xen
repository = .
timestamp = 1714400000
variant = BaseOS
variants = AppStream,BaseOS
version = ${version}

[header]
type = productmd.treeinfo
version = 1.2

[images-${arch}]
boot.iso = images/boot.iso
efiboot.img = images/efiboot.img
initrd = images/pxeboot/initrd.img
kernel = images/pxeboot/vmlinuz

[media]
discnum = 1
totaldiscs = 1

[release]
name = ${product}
short = ${short}
version = ${version}

[stage2]
mainimage = images/install.img

[tree]
arch = ${arch}
build_timestamp = 1714400000
platforms = ${arch},xen
variants = AppStream,BaseOS

[variant-BaseOS]
id = BaseOS
name = BaseOS
packages = Packages
repository = .
type = variant
uid = BaseOS
`
}

describe('parseTreeinfo', () => {
  test('Scientific Linux 5: [general], its own kernel for Xen guests, no checksums, no stage2', () => {
    assert.deepEqual(parse(sl5), {
      family: 'el',
      product: 'Scientific Linux',
      version: '5.7',
      arch: 'x86_64',
      ...pxeboot,
      xenKernel: 'images/xen/vmlinuz',
      xenInitrd: 'images/xen/initrd.img',
      checksums: new Map(),
      stage2: null,
    })
  })

  test('EL 5 for i386 takes its kernel from [images-i386]', () => {
    const { arch, kernel, initrd, family } = parse(el5i386)
    assert.deepEqual({ arch, kernel, initrd, family }, { arch: 'i386', ...pxeboot, family: 'el' })
  })

  test('EL 6: checksums of three algorithms, stage2', () => {
    const { family, version, checksums, stage2, xenKernel } = parse(el6)
    assert.deepEqual({ family, version, stage2 }, { family: 'el', version: '6.10', stage2: 'images/install.img' })
    assert.equal(xenKernel, 'images/pxeboot/vmlinuz')
    assert.deepEqual(
      [...checksums],
      [
        ['images/pxeboot/vmlinuz', { algorithm: 'sha256', hex: hex('a') }],
        ['images/pxeboot/initrd.img', { algorithm: 'sha256', hex: hex('b') }],
        ['images/boot.iso', { algorithm: 'sha1', hex: hex('c', 40) }],
        ['repodata/repomd.xml', { algorithm: 'md5', hex: hex('d', 32) }],
      ],
    )
  })

  test('EL 7: [general] still, the live file system as stage2', () => {
    const { product, version, stage2 } = parse(el7)
    assert.deepEqual({ product, version, stage2 }, { product: 'CentOS', version: '7', stage2: 'LiveOS/squashfs.img' })
  })

  for (const [product, short, version, arch, family] of [
    ['CentOS Stream', 'CentOS-Stream', '8', 'x86_64', 'el'],
    ['Red Hat Enterprise Linux', 'RHEL', '8.10', 'aarch64', 'el'],
    ['Rocky Linux', 'Rocky', '9.4', 'x86_64', 'el'],
    ['Oracle Linux Server', 'OL', '9.4', 'x86_64', 'el'],
    ['AlmaLinux', 'AlmaLinux', '10.0', 'x86_64', 'el'],
    ['Fedora', 'Fedora', '42', 'riscv64', 'fedora'],
    ['Fedora', 'Fedora', 'Rawhide', 'x86_64', 'fedora'],
  ] as const) {
    test(`productmd 1.2: ${product} ${version} for ${arch}`, () => {
      const treeinfo = parse(productmd(product, short, version, arch))
      assert.deepEqual(
        { ...treeinfo, checksums: treeinfo.checksums.get('images/pxeboot/vmlinuz') },
        {
          family,
          product,
          version,
          arch,
          ...pxeboot,
          xenKernel: null,
          xenInitrd: null,
          checksums: { algorithm: 'sha256', hex: hex('f') },
          stage2: 'images/install.img',
        },
      )
    })
  }

  test('a repository of EL 8 that boots nothing (AppStream) has no kernel', () => {
    assert.equal(parse('[release]\nname = CentOS Linux\nversion = 8\n[tree]\narch = x86_64\n').kernel, null)
  })

  test('CRLF, a byte order mark, comments, `:` for `=` and blanks are read as configparser reads them', () => {
    const text = '\uFEFF# by hand\r\n[general]\r\nfamily: Fedora\r\n  version =  40 \r\n; no\r\narch=x86_64\r\n'
    const { family, version, arch } = parse(text)
    assert.deepEqual({ family, version, arch }, { family: 'fedora', version: '40', arch: 'x86_64' })
  })

  test('versions are cut to what a profile takes', () => {
    assert.equal(parse('[general]\nversion = 7.9.2009\n').version, '7.9')
    assert.equal(parse('[general]\nversion = 8-stream\n').version, '8')
  })

  for (const path of [
    '../../etc/passwd',
    '/etc/passwd',
    'images/../../x',
    'images\\vmlinuz',
    'images/\u0007x',
    'a//b',
    '',
  ]) {
    test(`a tree that names ${JSON.stringify(path)} as its kernel names none`, () => {
      assert.equal(parse(`[general]\narch = x86_64\n[images-x86_64]\nkernel = ${path}\n`).kernel, null)
    })
  }

  test('sections and keys called constructor or __proto__ are names like others', () => {
    const text =
      '[__proto__]\nconstructor = 1\n[general]\n__proto__ = x\narch = constructor\n[checksums]\n__proto__ = sha256:00\n'
    const { arch, kernel, checksums } = parse(text)
    assert.deepEqual({ arch, kernel, size: checksums.size }, { arch: 'constructor', kernel: null, size: 0 })
  })

  test('a checksum of an unknown algorithm or a wrong length counts as not given', () => {
    const text = `[general]\n[checksums]\na = blake3:${hex('a')}\nb = sha256:abc\nc = sha:${hex('A', 40)}\nd = ${hex('a')}\n`
    assert.deepEqual([...parse(text).checksums], [['c', { algorithm: 'sha1', hex: hex('a', 40) }]])
  })

  test('a web page is no treeinfo', () => {
    assert.equal(parseTreeinfo('<!DOCTYPE html>\n<html><head><title>Log in</title></head></html>'), null)
    assert.equal(parseTreeinfo(''), null)
  })

  test('never throws', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom('[general]', '[release]', '[checksums]', '[images-]', 'arch =', '='),
    )
    fc.assert(fc.property(fc.array(line), (lines) => void parseTreeinfo(lines.join('\n'))))
    fc.assert(fc.property(fc.string(), (text) => void parseDiscinfo(text)))
  })
})

describe('parseDiscinfo', () => {
  test('EL 4: the release in words', () => {
    assert.deepEqual(parseDiscinfo('1108700649.92\nRed Hat Enterprise Linux 4\ni386\n1,2,3,4\nRedHat/base\n'), {
      family: 'el',
      product: 'Red Hat Enterprise Linux',
      version: '4',
      arch: 'i386',
    })
  })

  test('EL 4: `Final`, so the package folder tells the product and nothing tells the version', () => {
    assert.deepEqual(parseDiscinfo('1115152464.25\nFinal\nx86_64\n1\nCentOS/base\nCentOS/RPMS\n'), {
      family: 'el',
      product: 'CentOS',
      version: null,
      arch: 'x86_64',
    })
  })

  test('EL 7: the version alone', () => {
    assert.deepEqual(parseDiscinfo('1604001756.36\n7.9\nx86_64\n'), {
      family: null,
      product: '',
      version: '7.9',
      arch: 'x86_64',
    })
  })

  test('an empty file says nothing', () => {
    assert.deepEqual(parseDiscinfo(''), { family: null, product: '', version: null, arch: null })
  })
})

describe('names', () => {
  test('products map to families by whole words', () => {
    const names = [
      'Scientific Linux CERN',
      'SL',
      'centos-7',
      'RHEL',
      'RedHat',
      'Fedora-Server',
      'SLES',
      'Fedoraish',
      'Debian GNU/Linux',
      '',
    ]
    assert.deepEqual(names.map(familyOf), ['el', 'el', 'el', 'el', 'el', 'fedora', null, null, 'debian', null])
  })

  test('architectures go by several names, and some we cannot boot', () => {
    const names = ['i686', 'amd64', 'arm64', 'riscv64', 'ppc64le', 'constructor']
    assert.deepEqual(names.map(architectureOf), ['i386', 'x86_64', 'aarch64', 'riscv64', null, null])
  })
})

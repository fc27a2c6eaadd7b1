import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOneDisk, parseVdisks, vdisks, vdiskTargets } from '../../../server/inventory/vdisk.ts'

test('DESIGN §2: one device, several separated by commas, each optionally device:target', () => {
  assert.deepEqual(vdisks(parseVdisks('/dev/sda5, /dev/vg0/web:xvdb,/srv/xen/web.img:hda')), [
    { device: '/dev/sda5', target: null, kind: 'block' },
    { device: '/dev/vg0/web', target: 'xvdb', kind: 'block' },
    { device: '/srv/xen/web.img', target: 'hda', kind: 'file' },
  ])
  assert.equal(parseVdisks('/dev/sda5 , /dev/sda6'), '/dev/sda5,/dev/sda6')
  assert.deepEqual(vdisks(null), [])
})

test('devices of old controllers, stable names and partitions of a target are devices', () => {
  for (const text of [
    '/dev/cciss/c0d0p5',
    '/dev/disk/by-id/ata-X_Y+Z-part5',
    '/dev/mapper/vg0-web',
    '/dev/sda5:sda1',
    '/dev/nvme0n1p5:xvdc',
  ])
    assert.equal(parseVdisks(text), text)
})

test('one device has one spelling, or two guests could be given it without anybody noticing', () => {
  assert.equal(parseVdisks('/dev//sda5,//dev/sda6'), '/dev/sda5,/dev/sda6')
  for (const text of ['/dev/../dev/sda5', '/dev/./sda5', '/srv/..', '/dev/sda5/'])
    assert.equal(parseVdisks(text), null, text)
})

test('what could end a string of a guest configuration, or is no path, is refused', () => {
  for (const text of [
    '',
    'sda5',
    '/dev/sda5,',
    '/dev/sda 5',
    '/dev/sda5"',
    "/dev/sda5'",
    '/dev/sda5:',
    '/dev/sda5:xvda:w',
    '/dev/sda5:X',
    '/dev/sda5\nx',
    '/dev/$x',
    '/',
  ])
    assert.equal(parseVdisks(text), null, JSON.stringify(text))
})

test('each disk has its target, or the next letter that no other has', () => {
  const targets = (text: string): readonly string[] => vdiskTargets(parseVdisks(text), 'xvd')
  assert.deepEqual(targets('/dev/sda5,/dev/sda6'), ['xvda', 'xvdb'])
  assert.deepEqual(targets('/dev/sda5:xvdb,/dev/sda6'), ['xvdb', 'xvdc'])
  assert.deepEqual(targets('/dev/sda5,/dev/sda6:xvda1'), ['xvdb', 'xvda1'])
  assert.deepEqual(targets('/dev/sda5:xvdz,/dev/sda6:hda,/dev/sda7'), ['xvdz', 'hda', 'xvdc'])
  assert.deepEqual(vdiskTargets(parseVdisks('/dev/sda5'), 'vd'), ['vda'])
  assert.deepEqual(vdiskTargets(null, 'hd'), [])
})

test('two targets are one disk when they are equal, differ in hd and xvd alone, or one is a partition of the other', () => {
  for (const [a, b] of [
    ['xvda', 'xvda'],
    ['hda', 'xvda'],
    ['xvda', 'xvda1'],
    ['sda2', 'sda'],
  ] as const)
    assert.ok(isOneDisk(a, b) && isOneDisk(b, a), `${a} ${b}`)
  for (const [a, b] of [
    ['xvda', 'xvdb'],
    ['xvda1', 'xvda2'],
    ['xvda', 'xvdaa'],
    ['sda', 'vda'],
  ] as const)
    assert.ok(!isOneDisk(a, b) && !isOneDisk(b, a), `${a} ${b}`)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { architectureNames, describeArchitecture } from '../../../../server/plan/dhcp/architectures.ts'

test('IANA, Processor Architecture Types: 42 of them, each name at its number', () => {
  assert.equal(architectureNames.length, 42)
  assert.equal(new Set(architectureNames).size, 42)
  for (const [type, name] of [
    [0, 'x86 BIOS'],
    [7, 'x64 UEFI'],
    [9, 'EBC'],
    [11, 'ARM 64-bit UEFI'],
    [16, 'x64 UEFI boot from HTTP'],
    [20, 'x86 BIOS boot from HTTP'],
    [27, 'RISC-V 64-bit UEFI'],
    [31, 's390 Basic'],
    [41, 'ARM rpiboot'],
  ] as const)
    assert.equal(architectureNames[type], name)
})

test('a type is told by its name and number, one that has no name by its number', () => {
  assert.equal(describeArchitecture(14), 'POWER OPAL v3 (type 14)')
  assert.equal(describeArchitecture(65535), 'an unknown architecture (type 65535)')
})

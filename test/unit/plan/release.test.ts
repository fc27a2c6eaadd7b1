import assert from 'node:assert/strict'
import { test } from 'node:test'
import { families } from '../../../server/inventory/rows.ts'
import { majorOf, releaseQuirks } from '../../../server/plan/release.ts'

test('EL 4 to 10 and Fedora from 17 on each have one row; older and unknown ones have none', () => {
  for (const version of ['4', '4.9', '5', '5.11', '6', '6.10', '7', '7.9', '8', '9', '9.4', '10'])
    assert.equal(releaseQuirks('el', version)?.family, 'el', version)
  for (const version of ['17', '20', '44']) assert.equal(releaseQuirks('fedora', version)?.family, 'fedora', version)
  for (const version of ['3', '11', '0']) assert.equal(releaseQuirks('el', version), null, version)
  for (const version of ['1', '16']) assert.equal(releaseQuirks('fedora', version), null, version)
})

test('anaconda, docs/boot-options.rst: EL 7 and later take inst. arguments, EL 6 and earlier none of them', () => {
  for (const version of ['4', '5', '6']) {
    const quirks = releaseQuirks('el', version)
    assert.deepEqual(
      [quirks?.kickstartArg, quirks?.rescueArg, quirks?.textArg, quirks?.network],
      ['ks', 'rescue', 'text', 'anaconda-loader'],
    )
  }
  for (const [family, version] of [
    ['el', '7'],
    ['el', '10'],
    ['fedora', '44'],
  ] as const) {
    const quirks = releaseQuirks(family, version)
    assert.deepEqual(
      [quirks?.kickstartArg, quirks?.treeArg, quirks?.rescueArg, quirks?.textArg, quirks?.network],
      ['inst.ks', 'inst.repo', 'inst.rescue', 'inst.text', 'dracut'],
    )
  }
})

test('anaconda 10.1 to 13.21, docs/command-line.txt: method= until EL 5, repo= in EL 6; ksdevice takes a MAC from EL 5 on', () => {
  const shown = ['4', '5', '6'].map((version) => {
    const quirks = releaseQuirks('el', version)
    return [quirks?.treeArg, quirks?.ksdeviceTakesMac]
  })
  assert.deepEqual(shown, [
    ['method', false],
    ['method', true],
    ['repo', true],
  ])
})

test('debian-installer: Debian 7 to 13 have one row, older and newer ones none', () => {
  for (const version of ['7', '8.11', '9', '10', '11', '12', '12.5', '13'])
    assert.equal(releaseQuirks('debian', version)?.network, 'netcfg', version)
  for (const version of ['6', '14']) assert.equal(releaseQuirks('debian', version), null, version)
})

test('every row tells its source', () => {
  for (const family of families)
    for (let major = 1; major < 50; major++) {
      const quirks = releaseQuirks(family, String(major))
      if (quirks !== null) assert.match(quirks.source, /anaconda|dracut|netcfg/)
    }
})

test('the major version is what stands before the dot', () => {
  assert.deepEqual([majorOf('9'), majorOf('9.10'), majorOf('10')], [9, 9, 10])
})

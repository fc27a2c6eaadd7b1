import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { serverFacts } from '../../../server/cli/server-facts.ts'
import { knownTemplates, loadTemplates } from '../../../server/cli/templates.ts'
import { address, temporaryFolder } from '../../fixtures.ts'

test('the site’s files are under site/, its profile/ and machine/ folders keep their names, leftovers are none', (t) => {
  const folder = temporaryFolder(t)
  for (const path of [
    'own.ks',
    'own.ks~',
    '.git/config',
    'snippets/report.sh',
    'profile/web/own.ks',
    'machine/acas0001/special.ks',
  ]) {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), path)
  }
  const shipped = new Set(loadTemplates(null).keys())
  const own = [...loadTemplates(folder).keys()].filter((path) => !shipped.has(path))
  assert.deepEqual(own.toSorted(), [
    'machine/acas0001/special.ks',
    'profile/web/own.ks',
    'site/own.ks',
    'site/snippets/report.sh',
  ])
  const { templates } = knownTemplates(loadTemplates(folder))
  for (const name of ['own.ks', 'special.ks', 'el9.ks']) assert.ok(templates.has(name), name)
})

test('a folder that is not there is named', () => {
  assert.throws(() => loadTemplates('/nonexistent/templates'), /there is no folder \/nonexistent\/templates/)
})

test('the server’s addresses: loopback last, link-local never, one only when it listens on one', () => {
  const of = (text: string, internal = false) => ({
    address: text,
    internal,
    family: 'IPv4' as const,
    netmask: '',
    mac: '',
    cidr: null,
  })
  const interfaces = { lo: [of('127.0.0.1', true)], eth0: [of('192.0.2.2'), of('169.254.1.1')], none: undefined }
  const config = { advertise: null, listen: '0.0.0.0', httpPort: 80 }
  assert.deepEqual(serverFacts(config, interfaces).addresses, [address('192.0.2.2'), address('127.0.0.1')])
  assert.deepEqual(serverFacts({ ...config, listen: '192.0.2.3' }, interfaces).addresses, [address('192.0.2.3')])
})

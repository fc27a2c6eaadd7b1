import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SeenClient } from '../../../server/serve/dhcp/seen-file.ts'
import { writeSeen } from '../../../server/serve/dhcp/seen-file.ts'
import { openCli } from './cli.ts'

const stranger: SeenClient = {
  mac: '00:00:5e:00:53:99',
  machine: null,
  why: 'no interface of the inventory has MAC 00:00:5e:00:53:99',
  vendorClass: 'PXEClient:Arch:00007:UNDI:003000',
  architecture: 7,
  uuid: null,
  via: '192.0.2.254',
  firstAt: '2096-11-23T10:00:00.000Z',
  lastAt: '2096-11-23T10:00:09.000Z',
  count: 3,
}

test('seen lists who asked in vain, and why, in the order of the file', async (t) => {
  const cli = openCli(t)
  const state = join(cli.folder, 'state')
  mkdirSync(state)
  const misplaced = { ...stranger, mac: '00:00:5e:00:53:02', machine: 'web', vendorClass: null, why: 'elsewhere' }
  await writeSeen(state, [stranger, misplaced])
  const [head, ...lines] = (await cli.ok('seen')).trimEnd().split('\n')
  assert.match(head ?? '', /^MAC +LAST +TIMES +VIA +MACHINE +CLIENT +WHY$/)
  assert.deepEqual(
    lines.map((line) => line.split(/ {2,}/)),
    [
      ['00:00:5e:00:53:99', '2096-11-23T10:00:09Z', '3', '192.0.2.254', '-', stranger.vendorClass, stranger.why],
      ['00:00:5e:00:53:02', '2096-11-23T10:00:09Z', '3', '192.0.2.254', 'web', '-', 'elsewhere'],
    ],
  )
  assert.deepEqual(await cli.json('seen'), [stranger, misplaced])
})

test('seen says on standard error when there is nobody, or no list', async (t) => {
  const cli = openCli(t)
  const state = join(cli.folder, 'state')
  mkdirSync(state)
  const none = await cli.run(['seen'])
  assert.deepEqual([none.code, none.out], [0, ''])
  assert.equal(none.err, 'no server with this state folder has listed anybody yet\n')
  assert.deepEqual(await cli.json('seen'), [])
  await writeSeen(state, [])
  assert.equal((await cli.run(['seen'])).err, 'whoever asked for an address has got one by now\n')
})

test('a list that is none fails with the file’s name', async (t) => {
  const cli = openCli(t)
  cli.write('state/seen.json', '{}')
  const { code, err } = await cli.run(['seen'])
  assert.equal(code, 1)
  assert.match(err, /state\/seen\.json; it may be removed/)
})

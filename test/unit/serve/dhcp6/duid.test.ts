import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { serverDuid } from '../../../../server/serve/dhcp6/duid.ts'
import { temporaryFolder } from '../../../fixtures.ts'

test('RFC 8415 §11: the DUID is the same after a restart, and another server’s is another', async (t) => {
  const [own, other] = [temporaryFolder(t), temporaryFolder(t)]
  const first = await serverDuid(own)
  assert.deepEqual(await serverDuid(own), first)
  assert.notDeepEqual(await serverDuid(other), first)
})

test('RFC 6355 §4: it is of type 4 and 18 octets long; the state folder is made if need be', async (t) => {
  const duid = await serverDuid(join(temporaryFolder(t), 'not', 'yet'))
  assert.deepEqual([duid.length, duid[0], duid[1]], [18, 0, 4])
})

test('a file that holds no DUID is told by name, and left alone', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'dhcp6-duid'), 'x\n')
  await assert.rejects(serverDuid(folder), /dhcp6-duid holds no DUID of ours; remove it/)
})

// A target's earlier generation, brought back by the API.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Farm } from './farm.ts'
import { answered, openApiFarm } from './farm.ts'

const generate = (farm: Farm) => answered(farm.ask('post', '/targets/tftpboot/generate', { body: {} }))
const menu = ({ folder }: Farm): string =>
  readFileSync(join(folder, 'tftpboot/pxelinux.cfg/01-00-00-5e-00-53-02'), 'utf8')

test('POST /targets/{target}/rollback brings back the files of the generation before, and the inventory stays', async (t) => {
  const farm = await openApiFarm(t)
  await generate(farm)
  const before = menu(farm)
  await answered(farm.ask('post', '/machines/web/boot', { body: { boot: 'rescue' } }))
  await generate(farm)
  assert.notEqual(menu(farm), before)
  const dry = await farm.ask('post', '/targets/tftpboot/rollback', { as: 'viewer', body: {} })
  assert.equal(dry.status, 403)
  const outcome = await answered(farm.ask('post', '/targets/tftpboot/rollback', { body: {} }))
  assert.match(JSON.stringify(outcome), /"kind":"published"/)
  assert.equal(menu(farm), before)
  assert.equal((await answered(farm.ask('get', '/machines/web')))['boot'], 'rescue')
})

test('to a generation that is not there, or of a target that is none, it is refused in words and changes nothing', async (t) => {
  const farm = await openApiFarm(t)
  await generate(farm)
  const before = menu(farm)
  const none = await farm.ask('post', '/targets/tftpboot/rollback', { body: { to: 999 } })
  assert.deepEqual(
    [none.status, /tftpboot: generation 1 is the only one that is kept/.test(none.text)],
    [422, true],
    none.text,
  )
  assert.equal((await farm.ask('post', '/targets/isc/rollback', { body: {} })).status, 404)
  assert.equal((await farm.ask('post', '/targets/tftpboot/rollback', { body: { to: 'x' } })).status, 400)
  assert.equal(menu(farm), before)
})

// The API's own page in a browser: every endpoint is there, under the strict content policy, and what is tried out works.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isApi } from '../../server/admin/route.ts'
import { assertFits, openBrowser } from '../admin/browser.ts'
import { openApiFarm } from '../admin/api/farm.ts'

const visit = openBrowser()

test('the reference lists every endpoint, and one is tried out in the session of whoever looks', async (t) => {
  const { site, store } = await openApiFarm(t)
  const { page, faults } = await visit(t, site, 'operator')
  const elsewhere: string[] = []
  page.on('request', (request) => {
    if (new URL(request.url()).hostname !== '127.0.0.1') elsewhere.push(request.url())
  })
  await page.goto('/reference')
  assert.equal(await page.locator('.operation').count(), site.routes.filter(({ path }) => isApi(path)).length)
  const boot = page.locator('#postMachinesNameBoot')
  await boot.locator('summary').first().click()
  await boot.getByRole('button', { name: 'Send' }).click()
  const answer = boot.getByRole('status').locator('pre')
  await answer.waitFor()
  assert.match(await answer.innerText(), /^200[^]*"boot": "rescue"/)
  const [row] = await store.db.selectFrom('machines').select('boot').where('boot', '=', 'rescue').execute()
  assert.equal(row?.boot, 'rescue')
  await boot.getByLabel('Body, JSON').fill('{"boot": "nothing"}')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await boot.getByText('400 Bad Request').waitFor()
  await assertFits(page, '/reference')
  assert.deepEqual(elsewhere, [])
  assert.deepEqual(
    faults.filter((fault) => !/status of 400/.test(fault)),
    [],
  )
})

test('a list is asked for with its query, and a viewer’s change is refused in words', async (t) => {
  const { site } = await openApiFarm(t)
  const { page } = await visit(t, site, 'viewer')
  await page.goto('/reference')
  const list = page.locator('#getMachines')
  await list.locator('summary').first().click()
  await list.getByLabel('select').fill('web')
  await list.getByRole('button', { name: 'Send' }).click()
  await list.getByText('"hostname": "web"').waitFor()
  const boot = page.locator('#postMachinesNameBoot')
  await boot.locator('summary').first().click()
  await boot.getByRole('button', { name: 'Send' }).click()
  await boot.getByText('this takes the role operator').waitFor()
})

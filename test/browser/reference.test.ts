// The API's own page in a browser: drawn from our own files, under the strict content policy, and what is tried out works.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBrowser } from '../admin/browser.ts'
import { openApiFarm } from '../admin/api/farm.ts'

const visit = openBrowser()

test('the reference lists every endpoint, and one is tried out in the session of whoever looks', async (t) => {
  const { site } = await openApiFarm(t)
  const { page, faults } = await visit(t, site, 'operator')
  page.setDefaultTimeout(120_000) // a bundle of 1.4 MB, on a machine that does much else
  const elsewhere: string[] = []
  page.on('request', (request) => {
    if (!request.url().startsWith('data:') && new URL(request.url()).hostname !== '127.0.0.1')
      elsewhere.push(request.url())
  })
  await page.goto('/reference')
  const boot = page.locator('#operations-boot-postMachinesNameBoot')
  await boot.locator('.opblock-summary').click()
  await boot.getByRole('button', { name: 'Try it out' }).click()
  await boot.getByRole('button', { name: 'Execute' }).click()
  const answer = boot.locator('.live-responses-table .response')
  await answer.waitFor()
  assert.match(await answer.innerText(), /^200[^]*"boot": "rescue"/)
  assert.ok((await page.locator('.opblock').count()) > 50)
  assert.deepEqual(elsewhere, [])
  assert.deepEqual(faults, [])
})

// What a real browser makes of hostile text: no script, no dialog, nothing that the content policy had to stop. And
// that the pages which refuse, and the API's own page, can be read by everybody.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openApiFarm } from '../api/farm.ts'
import { assertAccessible, assertFits, openBrowser, screens } from '../browser.ts'
import { openTestSite } from '../site.ts'
import { makeHostile, payloads } from './hostile.ts'
import { namesOf } from './tour.ts'

const visit = openBrowser()

test('hostile text runs nothing on the pages that show most of it', async (t) => {
  const farm = await openApiFarm(t)
  await makeHostile(farm)
  const { page, faults } = await visit(t, farm.site, 'admin')
  const dialogs: string[] = []
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message())
    void dialog.dismiss()
  })
  const elsewhere: string[] = []
  page.on('request', (request) => {
    if (new URL(request.url()).hostname !== '127.0.0.1') elsewhere.push(request.url())
  })
  const { machines = [] } = await namesOf(farm)
  const evil = machines.filter((name) => name.startsWith('evil')).slice(0, 4)
  const evilQuery = encodeURIComponent(payloads[0] ?? '')
  const paths = [
    ...[
      '/',
      '/machines',
      '/findings',
      '/seen',
      '/changes',
      '/users',
      '/account',
      '/networks',
      '/profiles',
      '/images',
      '/site',
    ],
    ...['', '/edit', '/timeline', '/history', '/artefacts', '/explain'].map((part) => `/machines/web${part}`),
    ...['', '/guests', '/timeline'].map((part) => `/machines/acas0001${part}`),
    ...evil.flatMap((name) => [`/machines/${name}`, `/machines/${name}/edit`]),
    ...[
      `/machines?q=${evilQuery}&sort=${evilQuery}`,
      `/findings?q=${evilQuery}`,
      `/${evilQuery}`,
      `/login?next=${evilQuery}`,
    ],
  ]
  for (const path of paths) {
    const answer = await page.goto(path)
    assert.ok((answer?.status() ?? 500) < 500, path)
    assert.equal(await page.locator('x-evil, [evil]').count(), 0, path)
  }
  assert.deepEqual([dialogs, elsewhere, faults], [[], [], []])
})

test('log-in, its refusals and the pages that say no break no rule of WCAG AA', async (t) => {
  const site = await openTestSite(t)
  for (const [user, paths] of [
    [null, ['/login', '/invitation?token=x']],
    ['viewer', ['/users', '/nothing/of/that/name']],
  ] as const) {
    const { page, faults } = await visit(t, site, user)
    for (const path of paths) {
      await page.goto(path)
      await assertAccessible(page, path)
    }
    if (user === null) {
      await page.goto('/login')
      await page.getByLabel('Name').fill('admin')
      await page.getByLabel('Password').fill('wrong')
      await page.keyboard.press('Enter')
      await page.getByRole('alert').waitFor()
      await assertAccessible(page, 'a log-in that failed')
    }
    assert.deepEqual(faults, [])
  }
})

test('the API’s own page breaks none either, with an endpoint open and tried out', async (t) => {
  const { site } = await openApiFarm(t)
  for (const colorScheme of ['light', 'dark'] as const)
    for (const viewport of Object.values(screens)) {
      const { page, faults } = await visit(t, site, 'operator', { colorScheme, viewport })
      await page.goto('/reference')
      const boot = page.locator('#postMachinesNameBoot')
      await boot.locator('summary').first().click()
      await boot.locator('summary').nth(1).click()
      await boot.getByRole('button', { name: 'Send' }).click()
      await boot.getByRole('status').locator('pre').waitFor()
      const what = `/reference ${colorScheme} ${viewport.width}`
      await assertAccessible(page, what)
      await assertFits(page, what)
      assert.deepEqual(faults, [])
    }
})

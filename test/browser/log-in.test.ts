// The pages in a real browser: log-in flows, keyboard, both themes, a phone, and axe's rules of WCAG AA.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { makeLink, pathOfLink } from '../../server/admin/accounts.ts'
import { assertAccessible, openBrowser } from '../admin/browser.ts'
import { by, openTestSite, password } from '../admin/site.ts'

const visit = openBrowser()

async function logIn(page: Page, name: string): Promise<void> {
  await page.goto('/login')
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
  await ownMenu(page).waitFor()
}

const ownMenu = (page: Page) => page.locator('.self summary')

const isAt = (page: Page, path: string): void => assert.equal(new URL(page.url()).pathname, path)

describe('in a browser', () => {
  test('one logs in, comes to where one wanted to go, and logs out; back shows nothing any more', async (t) => {
    const { page, faults } = await visit(t, await openTestSite(t), null)
    await page.goto('/users')
    isAt(page, '/login')
    await page.getByLabel('Name').fill('admin')
    await page.getByLabel('Password').fill('not the password')
    await page.keyboard.press('Enter')
    assert.equal(await page.getByRole('alert').textContent(), 'This name and password do not belong together.')
    assert.equal(await page.getByLabel('Name').inputValue(), 'admin')
    await page.getByLabel('Password').fill(password)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Users', exact: true }).waitFor()
    isAt(page, '/users')
    await ownMenu(page).click()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await page.evaluate('history.back()')
    await page.waitForURL(/\/login\?next=/)
    assert.deepEqual(faults, [])
  })

  test('the first administrator comes in by the link, and everybody else by theirs', async (t) => {
    const site = await openTestSite(t)
    const { page, faults } = await visit(t, site, null)
    await site.store.db.deleteFrom('users').execute()
    await page.goto('/')
    assert.match((await page.textContent('main')) ?? '', /Nobody can log in yet/)
    await page.goto(pathOfLink((await makeLink(site.store, { kind: 'first' }, 1, by)) ?? ''))
    await assertAccessible(page, 'invitation')
    await page.getByLabel('Name').fill('Alice')
    await page.getByLabel('New password').fill('a few easy words')
    await page.getByLabel('The same again').fill('a few easy words')
    await page.getByRole('button', { name: 'Come in' }).click()
    await page.getByRole('heading', { name: 'Farm' }).waitFor()
    await ownMenu(page).click()
    await page.getByRole('link', { name: 'Users' }).click()
    await page.getByRole('combobox', { name: 'Role', exact: true }).selectOption('operator')
    await page.getByRole('button', { name: 'Make a link' }).click()
    const link = (await page.getByText('/invitation?token=').textContent()) ?? ''
    await page.context().clearCookies()
    await page.goto(link)
    await page.getByLabel('Name').fill('bob')
    await page.getByLabel('New password').fill('a few easy words')
    await page.getByLabel('The same again').fill('a few easy words')
    await page.keyboard.press('Enter')
    await ownMenu(page).getByText('bob operator').waitFor()
    await ownMenu(page).click()
    await page.getByRole('link', { name: 'My account' }).waitFor()
    assert.equal(await page.getByRole('link', { name: 'Users' }).count(), 0, 'no way to where one may not go')
    assert.deepEqual(faults, [])
  })

  test('an API token is made, shown once and removed', async (t) => {
    const { page, faults } = await visit(t, await openTestSite(t), null)
    await logIn(page, 'operator')
    await page.goto('/account')
    await page.getByRole('textbox', { name: 'Name' }).fill('nightly')
    await page.getByRole('button', { name: 'Make a token' }).click()
    assert.match((await page.locator('code.secret').textContent()) ?? '', /^bootstead_/)
    await page.goto('/account')
    assert.equal(await page.locator('code.secret').count(), 0)
    await page.getByRole('button', { name: 'Remove nightly' }).click()
    assert.match((await page.getByRole('status').textContent()) ?? '', /The token is removed/)
    assert.deepEqual(faults, [])
  })

  test('the keyboard reaches everything, from “Skip to content” on, and one sees where one is', async (t) => {
    const { page } = await visit(t, await openTestSite(t), null)
    await logIn(page, 'admin')
    await page.goto('/users')
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to content')
    assert.ok(((await page.locator('.skip').boundingBox())?.y ?? -1) >= 0, 'it is seen when it is reached')
    await page.keyboard.press('Enter')
    assert.equal(await page.evaluate('document.activeElement.id'), 'main')
    const reached = new Set<string>()
    for (let step = 0; step < 40; step++) {
      await page.keyboard.press('Tab')
      const at = await page.evaluate<string>(`(({ activeElement: e }) => e === document.body ? '' :
        (getComputedStyle(e).outlineStyle + ' ' + (e.getAttribute('aria-label') ?? e.textContent)).replace(/\\s+/g, ' ').trim())(document)`)
      if (at !== '') reached.add(at)
    }
    for (const wanted of [
      'solid Role of operator',
      'solid Save operator',
      'solid Password link for viewer',
      'solid Remove viewer',
      'solid Make a link',
    ])
      assert.ok(reached.has(wanted), `${wanted}: ${[...reached].join(', ')}`)
  })

  for (const colorScheme of ['light', 'dark'] as const)
    test(`WCAG AA, ${colorScheme}: axe finds nothing on any page, at a desk or on a phone, where nothing sticks out`, async (t) => {
      const site = await openTestSite(t)
      const { page, faults } = await visit(t, site, null, { colorScheme })
      await makeLink(site.store, { kind: 'reset', user: 'viewer' }, 1, by)
      await page.goto('/login')
      await assertAccessible(page, `log-in ${colorScheme}`)
      await logIn(page, 'admin')
      await page.goto('/account')
      await page.getByRole('textbox', { name: 'Name' }).fill('nightly')
      await page.getByRole('button', { name: 'Make a token' }).click()
      for (const [name, width] of [
        ['desk', 1280],
        ['phone', 360],
      ] as const) {
        await page.setViewportSize({ width, height: 800 })
        if (name === 'desk') await assertAccessible(page, `new token ${colorScheme}`)
        for (const path of ['/account', '/users', '/users?done=changed', '/users/viewer/remove', '/nothing-here']) {
          await page.goto(path)
          await assertAccessible(page, `${path} ${colorScheme} ${name}`)
          const wide = await page.evaluate('document.documentElement.scrollWidth')
          assert.equal(wide, width, `${path} at ${width} pixels`)
        }
      }
      assert.deepEqual(faults, [])
    })

  test('light or dark is the system’s choice until one chooses, and then it stays', async (t) => {
    const { page } = await visit(t, await openTestSite(t), null, { colorScheme: 'dark' })
    const ground = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
    await page.goto('/login')
    const dark = await ground()
    await page.getByRole('button', { name: 'Light' }).click()
    const light = await ground()
    assert.notEqual(light, dark)
    await page.reload()
    assert.equal(await ground(), light)
    await page.getByRole('button', { name: 'Dark' }).click()
    assert.equal(await ground(), dark)
  })

  test('the content policy holds: a script that got into a page would not run', async (t) => {
    const { page, faults } = await visit(t, await openTestSite(t), null)
    await page.goto('/login')
    await page.evaluate(
      `document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="document.title = \\'broken\\'">')`,
    )
    await page.evaluate(
      `{ const s = document.createElement('script'); s.textContent = "document.title = 'broken'"; document.body.append(s) }`,
    )
    await page.waitForTimeout(100)
    assert.equal(await page.title(), 'Log in – Bootstead')
    assert.ok(
      faults.some((fault) => fault.includes('Content Security Policy')),
      faults.join('\n'),
    )
  })
})

// One machine's pages, networks, profiles and images in a real browser: the keyboard, what comes by itself, axe in both themes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recordConsoles, recordEvents } from '../../../server/inventory/store/record.ts'
import type { Farm } from '../api/farm.ts'
import { onEachDatabase } from '../../browser/farms.ts'
import { assertAccessible, assertFits, assertPages, openBrowser } from '../browser.ts'

const visit = openBrowser()

const event = { machine: 'web', door: 'http', peer: null, detail: null, progress: null } as const
const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString()

async function beginInstall({ store }: Farm): Promise<void> {
  await recordEvents(store, [
    { ...event, stage: 'armed', at: minutesAgo(5), door: 'cli' },
    { ...event, stage: 'kickstart', at: minutesAgo(3) },
    { ...event, stage: 'installing', at: minutesAgo(2), detail: 'Installing glibc', progress: 40 },
  ])
  await recordConsoles(store, [{ machine: 'web', at: minutesAgo(1), tail: 'Installing glibc (12/340)\n' }])
}

onEachDatabase("one machine's pages", (open, themes) => {
  test('by pointer or keyboard one learns what every layer says about a value, Escape puts it away, and a link shows all', async (t) => {
    const farm = await open(t)
    await farm.ask('patch', '/machines/web', { body: { params: { timezone: 'Europe/Paris' } } })
    const { page, faults } = await visit(t, farm.site, 'viewer')
    await page.goto('/machines/web')
    const layers = page.locator('tr', { hasText: 'params.timezone' }).locator('.origin')
    const told = layers.getByText('site timezone = Etc/UTC')
    await layers.hover()
    await told.waitFor()
    await page.keyboard.press('Escape')
    await told.waitFor({ state: 'hidden' })
    await page.mouse.move(1, 1)
    await layers.locator('summary').press('Enter')
    await told.waitFor()
    await assertAccessible(page, 'layers of a value')
    await page.keyboard.press('Escape')
    await told.waitFor({ state: 'hidden' })
    await page.getByRole('link', { name: 'Every layer' }).press('Enter')
    await page.getByText('site timezone = Etc/UTC').waitFor()
    await assertAccessible(page, 'every layer')
    assert.deepEqual(faults, [])
  })

  test('by keyboard alone: a fault is said beside its field, mended, looked at and changed', async (t) => {
    const { site } = await open(t)
    const { page, faults } = await visit(t, site, 'operator')
    await page.goto('/machines/web')
    await page.getByRole('link', { name: 'Edit', exact: true }).press('Enter')
    await page.getByLabel('Memory (MiB)').fill('much')
    await page.keyboard.press('Enter')
    await page.getByText('expected a whole number of MiB').waitFor()
    await assertAccessible(page, 'edit with a fault')
    await page.getByLabel('Memory (MiB)').fill('4096')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Change web' }).waitFor()
    await assertAccessible(page, 'edit review')
    await page.getByRole('button', { name: 'Change it' }).press('Enter')
    await page.getByText('The machine is changed.').waitFor()
    await page.getByText('4,096 MiB').waitFor()
    assert.deepEqual(faults, [])
  })

  test('what somebody else changed meanwhile is in the form, and what both changed is marked', async (t) => {
    const farm = await open(t)
    const { page } = await visit(t, farm.site, 'operator')
    await page.goto('/machines/web/edit')
    await farm.ask('patch', '/machines/web', { body: { memory_mib: 8192, disk: 'sdb' }, as: 'admin' })
    await page.getByLabel('Memory (MiB)').fill('4096')
    await page.keyboard.press('Enter')
    await page.getByText('is 8192 meanwhile').waitFor()
    assert.equal(await page.getByLabel('Disk', { exact: true }).inputValue(), 'sdb')
    await assertAccessible(page, 'edit merged')
  })

  test('an install is watched as it goes on, without a reload', async (t) => {
    const farm = await open(t)
    await beginInstall(farm)
    const { page, faults } = await visit(t, farm.site, 'viewer')
    await page.goto('/machines/web/timeline')
    await page.getByRole('progressbar').waitFor()
    await assertAccessible(page, 'timeline of an install')
    await page.evaluate('document.body.dataset.mark = "same page"')
    await recordEvents(farm.store, [{ ...event, stage: 'installed', at: minutesAgo(0) }])
    await page.locator('.step.done', { hasText: 'installed' }).waitFor()
    assert.equal(await page.evaluate('document.body.dataset.mark'), 'same page')
    assert.deepEqual(faults, [])
  })

  test('an install is armed from the machine’s page after its disk and its guests were named, and taken back', async (t) => {
    const { site } = await open(t)
    const { page, faults } = await visit(t, site, 'operator')
    await page.goto('/machines/acas0001')
    await page.getByRole('link', { name: 'Install…' }).click()
    await page.getByRole('cell', { name: 'sda', exact: true }).waitFor()
    await page.getByText('/dev/sda5 of acas0001').waitFor()
    await page.getByLabel('may be erased').check()
    await page.getByRole('button', { name: 'Arm 3 installs' }).click()
    await page.getByText('The install is armed').waitFor()
    await page.goto('/machines/web')
    await page.goto('/machines/acas0001')
    await page.getByRole('link', { name: 'Disarm…' }).click()
    await page.getByRole('button', { name: 'Set it for 1 machine' }).click()
    await page.getByText('The next boot is set.').waitFor()
    assert.deepEqual(faults, [])
  })

  test('a profile’s change names the machines that it changes; a change of a machine is taken back', async (t) => {
    const farm = await open(t)
    await farm.ask('patch', '/machines/web', { body: { memory_mib: 8192, interfaces: { eth0: { ip: '192.0.2.44' } } } })
    const { page, faults } = await visit(t, farm.site, 'operator')
    await page.goto('/networks')
    await page.getByRole('link', { name: 'farm', exact: true }).click()
    await page.getByRole('link', { name: 'Edit', exact: true }).click()
    await page.getByLabel('Gateway').fill('192.0.2.253')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: /4 machines change in/ }).waitFor()
    await assertAccessible(page, 'network review')
    await page.getByRole('button', { name: 'Change it' }).click()
    await page.getByText('It is changed.').waitFor()
    await page.goto('/machines/web/history')
    await page.locator('.history a').nth(0).click()
    await assertAccessible(page, 'change of a machine')
    await page.getByRole('button', { name: 'Take it back…' }).click()
    await page.getByRole('button', { name: 'Take it back' }).click()
    await page.getByText('The change is taken back').waitFor()
    assert.deepEqual(faults, [])
  })

  test('WCAG AA: axe finds nothing on any of these pages, light or dark, at a desk or on a phone, and nothing sticks out', async (t) => {
    const farm = await open(t)
    await beginInstall(farm)
    await farm.ask('patch', '/profiles/dom0', { body: { params: { 'packages+': ['xen'] } } })
    await farm.ask('patch', '/machines/web', { body: { vcpus: 2 } })
    await assertPages(
      visit,
      t,
      farm.site,
      'operator',
      [
        '/machines/web',
        '/machines/acas0001?layers=1',
        '/machines/web/edit',
        '/machines/web/explain?as=uefi',
        '/machines/web/artefact?name=kickstart',
        '/machines/web/timeline',
        '/machines/web/history',
        '/networks',
        '/profiles/dom0',
        '/profiles/dom0/edit',
        '/add/image',
      ],
      themes,
    )
  })

  test('on a phone the layers of a value stay on the screen', async (t) => {
    const farm = await open(t)
    await farm.ask('patch', '/machines/web', { body: { params: { timezone: 'Europe/Paris' } } })
    const { page } = await visit(t, farm.site, 'viewer', { viewport: { width: 390, height: 844 }, hasTouch: true })
    await page.goto('/machines/web')
    await page.locator('.origin summary').last().tap()
    await page.locator('.origin[open] .layer').first().waitFor()
    await assertFits(page, 'layers on a phone')
  })

  test('on paper a kickstart is all there, without what can only be clicked; nothing moves for who wants it so', async (t) => {
    const farm = await open(t)
    const { page } = await visit(t, farm.site, 'operator')
    await page.emulateMedia({ media: 'print', reducedMotion: 'reduce' })
    await page.goto('/machines/web/artefact?name=kickstart')
    const text = page.locator('pre.code')
    await text.waitFor()
    assert.equal(await page.locator('.head').isVisible(), false)
    assert.equal(await page.locator('.tabs').isVisible(), false)
    assert.ok(
      await page.evaluate(
        `(({ scrollHeight, clientHeight }) => scrollHeight <= clientHeight)(document.querySelector('pre.code'))`,
      ),
      'nothing is left to scroll to',
    )
    assert.equal(await page.evaluate(`getComputedStyle(document.querySelector('.button')).transitionDuration`), '0s')
  })
})

// The pages of machines in a real browser: search as one types, the keyboard, a bulk edit, import; axe in both themes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openApiFarm } from '../api/farm.ts'
import { assertAccessible, assertPages, openBrowser } from '../browser.ts'

const visit = openBrowser()

test('one types and the table follows, with the search in the address; back and reload keep it', async (t) => {
  const { site } = await openApiFarm(t)
  const { page, faults } = await visit(t, site, 'operator')
  await page.goto('/machines')
  const names = () => page.locator('tbody th').allTextContents()
  assert.deepEqual(await names(), ['acas0001', 'acas0002', 'acas0003', 'web'])
  await page.getByRole('searchbox', { name: 'Find' }).pressSequentially('0.2.14')
  await page.waitForURL('**/machines?q=0.2.14')
  await page.locator('tbody tr').nth(1).waitFor({ state: 'detached' })
  assert.deepEqual(await names(), ['web'])
  assert.equal(await page.getByRole('status').textContent(), '1 of 4')
  assert.equal(await page.evaluate('document.activeElement.name'), 'q', 'one goes on typing')
  await page.reload()
  assert.deepEqual(await names(), ['web'])
  await page.getByRole('searchbox', { name: 'Find' }).fill('nonsense=1')
  await page.getByRole('alert').waitFor()
  assert.deepEqual(faults, [])
})

test('by keyboard alone: machines are ticked, edited, looked at and changed', async (t) => {
  const { site } = await openApiFarm(t)
  const { page, faults } = await visit(t, site, 'operator')
  await page.goto('/machines?q=acas000')
  await page.getByRole('checkbox', { name: 'Tick all of this page' }).press('Space')
  await page.getByRole('checkbox', { name: 'acas0001' }).press('Space')
  await page.getByRole('button', { name: 'Edit…' }).press('Enter')
  await page.getByRole('heading', { name: '2 machines' }).waitFor()
  await page.getByLabel('Memory (MiB)', { exact: true }).fill('much')
  await page.keyboard.press('Enter')
  await page.getByText('expected a whole number of MiB').waitFor()
  await assertAccessible(page, 'bulk edit with a fault')
  await page.getByLabel('Memory (MiB)', { exact: true }).fill('3072')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Change machines' }).waitFor()
  await assertAccessible(page, 'bulk edit review')
  await page.getByRole('button', { name: 'Change 2 machines' }).press('Enter')
  await page.getByText('The machines are changed.').waitFor()
  await page.goto('/machines?q=memory_mib%3D3072')
  assert.deepEqual(await page.locator('tbody th').allTextContents(), ['acas0002', 'acas0003'])
  assert.deepEqual(faults, [])
})

test('an install of what was found is armed after its disks were named', async (t) => {
  const { site } = await openApiFarm(t)
  const { page, faults } = await visit(t, site, 'operator')
  await page.goto('/machines?q=web')
  await page.locator('[name=scope]').selectOption('all')
  await page.getByRole('button', { name: 'Install…' }).click()
  await page.getByRole('cell', { name: 'nvme0n1' }).waitFor()
  await page.getByLabel('may be erased').check()
  await page.getByRole('button', { name: 'Arm 1 install' }).click()
  await page.getByText('The installs are armed').waitFor()
  assert.deepEqual(await page.locator('tbody th').allTextContents(), ['web'])
  assert.deepEqual(faults, [])
})

test('a file is chosen, looked at and imported', async (t) => {
  const { site } = await openApiFarm(t)
  const { page, faults } = await visit(t, site, 'operator')
  await page.goto('/import')
  const text = 'hostname,profile,memory_mib\nweb,base,4096\nacas0002,base,lots\n'
  await page
    .getByLabel('File', { exact: true })
    .setInputFiles({ name: 'machines.csv', mimeType: 'text/csv', buffer: Buffer.from(text) })
  await page.getByRole('button', { name: 'Show what would change' }).click()
  await page.getByRole('cell', { name: '"lots"' }).waitFor()
  await assertAccessible(page, 'import refused')
  await page.getByRole('textbox', { name: 'Text' }).fill(text.replace('lots', '2048'))
  await page.getByRole('button', { name: 'Show what would change' }).click()
  await page.getByRole('button', { name: 'Import 1 row' }).waitFor()
  await assertAccessible(page, 'import preview')
  await page.getByRole('button', { name: 'Import 1 row' }).click()
  await page.getByText('The rows are in the inventory.').waitFor()
  assert.deepEqual(faults, [])
})

test('WCAG AA: axe finds nothing on any of these pages, light or dark, at a desk or on a phone, and nothing sticks out', async (t) => {
  const { site } = await openApiFarm(t)
  await assertPages(visit, t, site, 'operator', [
    '/machines',
    '/machines?q=nobody-of-this-name',
    '/bulk/edit?scope=all',
    '/bulk/arm?machine=acas0001&machine=web',
    '/bulk/boot?machine=web',
    '/bulk/remove?machine=web',
    '/add?mac=00:00:5e:00:53:78',
    '/seen',
    '/import',
  ])
})

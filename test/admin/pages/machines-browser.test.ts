// The pages of machines in a real browser: search as one types, the keyboard, a bulk edit, import; axe in both themes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onEachDatabase } from '../../browser/farms.ts'
import { farm as farmYaml } from '../../unit/cli/cli.ts'
import { assertAccessible, assertFits, assertPages, openBrowser } from '../browser.ts'

const visit = openBrowser()

onEachDatabase('the pages of machines', (open, themes) => {
  test('one types and the table follows, with the search in the address; back and reload keep it', async (t) => {
    const { site } = await open(t)
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
    const { site } = await open(t)
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
    const { site } = await open(t)
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
    const { site } = await open(t)
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
    const { site } = await open(t)
    await assertPages(
      visit,
      t,
      site,
      'operator',
      [
        '/machines',
        '/machines?q=nobody-of-this-name',
        '/bulk/edit?scope=all',
        '/bulk/arm?machine=acas0001&machine=web',
        '/bulk/boot?machine=web',
        '/bulk/remove?machine=web',
        '/add?mac=00:00:5e:00:53:78',
        '/seen',
        '/import',
      ],
      themes,
    )
  })

  test('a stranger that asked for an address is adopted as a machine', async (t) => {
    const { site } = await open(t)
    const { page, faults } = await visit(t, site, 'operator')
    await page.goto('/seen')
    await page.getByRole('link', { name: 'Adopt 00:00:5e:00:53:78' }).click()
    assert.equal(await page.getByLabel('MAC', { exact: true }).first().inputValue(), '00:00:5e:00:53:78')
    await page.getByLabel('Host name').fill('newcomer')
    await page.getByLabel('Profile').selectOption('base')
    await page.getByLabel('Disk', { exact: true }).fill('sda')
    await page.getByLabel('Address', { exact: true }).first().fill('192.0.2.78')
    await page.getByLabel('Network').first().selectOption('farm')
    await page.getByRole('button', { name: 'Show what would be added' }).click()
    await page.getByRole('button', { name: 'Add it' }).click()
    await page.waitForURL('**/machines?q=newcomer**')
    assert.deepEqual(await page.locator('tbody th').allTextContents(), ['newcomer'])
    assert.deepEqual(faults, [])
  })

  test('a machine boots its rescue system next; machines are removed after a look', async (t) => {
    const { site } = await open(t)
    const { page, faults } = await visit(t, site, 'operator')
    await page.goto('/machines/web')
    await page.getByRole('link', { name: 'Next boot…' }).click()
    await page.getByRole('radio', { name: /^rescue/ }).check()
    await assertAccessible(page, 'next boot')
    await page.getByRole('button', { name: 'Set it for 1 machine' }).click()
    await page.getByText('The next boot is set.').waitFor()
    await page.getByText('rescue').first().waitFor()
    await page.getByRole('link', { name: 'Remove…' }).click()
    await assertAccessible(page, 'removal')
    await page.getByRole('button', { name: /^Remove/ }).click()
    await page.waitForURL('**/machines?**')
    await page.goto('/machines')
    assert.deepEqual(await page.locator('tbody th').allTextContents(), ['acas0001', 'acas0002', 'acas0003'])
    assert.deepEqual(faults, [])
  })

  test('the key / leads to the search from anywhere, types a / where one types, and can be switched off', async (t) => {
    const { site } = await open(t)
    const { page, faults } = await visit(t, site, 'viewer')
    const at = () => page.evaluate('document.activeElement.name ?? ""')
    await page.goto('/changes')
    await page.keyboard.press('/')
    await page.waitForURL('**/machines#find')
    assert.equal(await at(), 'q')
    await page.keyboard.press('/')
    assert.equal(await page.getByRole('searchbox').inputValue(), '/')
    await page.goto('/account')
    await page.getByRole('checkbox', { name: 'The key / leads to the search' }).uncheck()
    await assertAccessible(page, 'account')
    await page.goto('/machines')
    await page.keyboard.press('/')
    assert.notEqual(await at(), 'q')
    assert.deepEqual(faults, [])
  })

  test('menus open and close by keyboard, and close when one goes elsewhere', async (t) => {
    const { site } = await open(t)
    const { page, faults } = await visit(t, site, 'admin')
    await page.goto('/profiles')
    const inventory = page.getByText('Inventory', { exact: true })
    const networks = page.getByRole('link', { name: 'Networks' })
    await inventory.press('Enter')
    await networks.waitFor()
    assert.equal(await page.getByRole('link', { name: 'Profiles' }).getAttribute('aria-current'), 'page')
    await assertAccessible(page, 'menu of the inventory')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Escape')
    await networks.waitFor({ state: 'hidden' })
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Inventory')
    await inventory.press('Enter')
    await page.locator('.self summary').click()
    await networks.waitFor({ state: 'hidden' })
    await page.getByRole('link', { name: 'Users' }).waitFor()
    await assertAccessible(page, 'menu of oneself')
    await page.setViewportSize({ width: 390, height: 844 })
    await assertFits(page, 'menu of oneself, on a phone')
    assert.deepEqual(faults, [])
  })

  test('an empty farm says how it begins, and a very long name breaks nothing', async (t) => {
    const long = `a${'-very'.repeat(12)}`
    const empty = await open(t, 'site: {}')
    await assertPages(
      visit,
      t,
      empty.site,
      'operator',
      ['/', '/machines', '/networks', '/site', '/findings', '/changes'],
      ['light'],
    )
    const { page } = await visit(t, empty.site, 'operator')
    await page.goto('/')
    await page.getByRole('link', { name: 'Import', exact: true }).waitFor()
    const farm = await open(t, farmYaml.replaceAll('web:', `${long}:`))
    const at = `/machines/${long}`
    await assertPages(
      visit,
      t,
      farm.site,
      'operator',
      ['/machines', at, `${at}/edit`, `/bulk/arm?machine=${long}`],
      ['light'],
    )
  })
})

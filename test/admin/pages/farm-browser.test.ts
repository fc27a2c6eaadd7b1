// The farm's pages in a real browser: what is live follows by itself, the keyboard is enough; axe in both themes.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { recordConsoles } from '../../../server/inventory/store/record.ts'
import { farm as usual } from '../../unit/cli/cli.ts'
import type { Farm } from '../api/farm.ts'
import { heard, quietPlace } from '../api/farm.ts'
import { onEachDatabase } from '../../browser/farms.ts'
import { assertAccessible, assertFits, assertPages, openBrowser } from '../browser.ts'

const visit = openBrowser()

/** A Dom0 with guests that are pinned, and one that doesn't fit. */
const crowded = usual
  .replace('acas0001: { profile: dom0,', 'acas0001: { profile: dom0, cpus: 0-1,')
  .replace('vdisk: /dev/sda5,', 'vdisk: /dev/sda5, cpus: 2-3, vcpus: 2,')
  .replace('vdisk: /dev/sda6, memory_mib: 2048', 'vdisk: /dev/sda6, cpus: 3-4, memory_mib: 20480')

async function busy(farm: Farm): Promise<void> {
  await heard(farm, 'acas0001', 'failed', 'no such disk: sda')
  for (const machine of ['acas0002', 'acas0003']) {
    await heard(farm, machine, 'installing', 'packages', machine === 'acas0002' ? 40 : 75)
    const tail = Array.from({ length: 30 }, (_, line) => `[${line}.000000] ${machine} unpacks another package`).join(
      '\n',
    )
    await recordConsoles(farm.store, [{ machine, at: new Date().toISOString(), tail }])
  }
}

onEachDatabase("the farm's pages", (open, themes) => {
  test('a farm at work: every page in light and dark, at a desk and on a phone', async (t) => {
    const farm = await open(t, crowded)
    await busy(farm)
    await farm.ask('patch', '/machines/acas0003', { body: { memory_mib: 2048 }, query: { force: 'true' } })
    await assertPages(
      visit,
      t,
      farm.site,
      'operator',
      [
        '/',
        '/findings',
        '/changes',
        '/changes/diff?before=0',
        '/changes/revert?to=3',
        '/machines/acas0001/guests',
        '/machines/acas0003/move',
        '/site',
        '/site/edit',
        '/add?dom0=acas0001',
        '/generate',
        '/generate/tftpboot',
      ],
      themes,
    )
  })

  test('a farm at rest, as a viewer sees it', async (t) => {
    const { site } = await open(t)
    await assertPages(
      visit,
      t,
      site,
      'viewer',
      ['/', '/findings', '/changes?who=nobody', '/machines/web/guests', '/generate'],
      themes,
    )
  })

  test('what happens shows by itself, and where one is with the keyboard is kept', async (t) => {
    const farm = await open(t)
    const { page, faults } = await visit(t, farm.site, 'viewer')
    await page.goto('/')
    await page.getByText('Nothing is being installed').waitFor()
    await heard(farm, 'web', 'installing', 'partitions', 10)
    await page.getByRole('cell', { name: 'partitions' }).waitFor()
    await page.locator('#now-web').focus()
    await heard(farm, 'web', 'installing', 'packages', 40)
    await page.getByRole('cell', { name: 'packages' }).waitFor()
    assert.equal(await page.evaluate('document.activeElement.id'), 'now-web')
    assert.deepEqual(faults, [])
  })

  test('consoles of guests that install side by side go on by themselves', async (t) => {
    const farm = await open(t)
    await busy(farm)
    const { page, faults } = await visit(t, farm.site, 'viewer')
    await page.goto('/machines/acas0001/guests')
    await page.getByRole('region', { name: 'Console of acas0003' }).waitFor()
    await recordConsoles(farm.store, [
      { machine: 'acas0003', at: new Date().toISOString(), tail: 'Installation complete' },
    ])
    await page.getByText('Installation complete').waitFor()
    assert.deepEqual(faults, [])
  })

  test('by keyboard alone: a guest is given other CPUs after a look', async (t) => {
    const farm = await open(t, crowded)
    const { page, faults } = await visit(t, farm.site, 'operator')
    await page.goto('/machines/acas0001/guests')
    await page.getByText('CPU 3 is pinned to acas0002 too').first().waitFor()
    await page.getByRole('link', { name: 'Move… acas0003' }).press('Enter')
    await page.getByLabel('Pinned to CPUs').fill('5-6')
    await page.getByLabel('Memory (MiB)').fill('2048')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'acas0001, as it would be' }).waitFor()
    await assertAccessible(page, 'a guest as it would be')
    await page.setViewportSize({ width: 390, height: 844 })
    await assertFits(page, 'a guest as it would be, on a phone')
    await page.getByRole('button', { name: 'Do it' }).press('Enter')
    await page.getByText('The guest has its new place.').waitFor()
    await page.getByText('Nobody is pinned to 4,7.').waitFor()
    assert.deepEqual(faults, [])
  })

  test('a change is found, looked at and taken back; files are generated and brought back', async (t) => {
    const farm = await open(t)
    await farm.ask('patch', '/machines/web', { body: { serial_console: 'ttyS0,115200n8' } })
    await farm.ask('patch', '/machines/acas0002', { body: { vcpus: 2 } })
    const { page, faults } = await visit(t, farm.site, 'operator')
    await page.goto('/generate')
    for (const generation of [1, 2]) {
      if (generation === 2) await farm.ask('patch', '/machines/web', { body: { serial_console: 'ttyS1,115200n8' } })
      await page.goto('/generate/tftpboot')
      await page.getByRole('button', { name: 'Generate' }).click()
      await page.getByText(`Generation ${generation} is published`).waitFor()
      await assertAccessible(page, `generation ${generation}`)
    }
    await page.getByRole('link', { name: 'Bring back… generation 1' }).click()
    await assertAccessible(page, 'bring back a generation')
    await page.getByRole('button', { name: 'Bring it back' }).click()
    await page.getByText('Generation 3 is published').waitFor()
    await page.goto('/changes?machine=web')
    await page.locator('.log a').first().click()
    await page.getByRole('link', { name: 'Make all as at' }).click()
    await page.getByRole('button', { name: 'Do it' }).click()
    await page.waitForURL('**/changes/diff?**')
    await page.getByText('ttyS1,115200n8').first().waitFor()
    assert.deepEqual(faults, [])
  })

  test('a guest is added on what is free of its Dom0, by keyboard alone', async (t) => {
    const farm = await open(
      t,
      crowded
        .replace(
          'hypervisor: xen }',
          'hypervisor: xen, params: { create_partitions: [9000, extended, 70000, 70000, 50000] } }',
        )
        .replace('cpus: 3-4, memory_mib: 20480', 'cpus: 4-5, vcpus: 2, memory_mib: 2048'),
    )
    const { page, faults } = await visit(t, farm.site, 'operator')
    await page.goto('/machines/acas0001/guests')
    await page.getByRole('row', { name: '/dev/sda7 50,000 MiB free' }).waitFor()
    await page.getByRole('link', { name: 'Add a guest' }).press('Enter')
    await page.getByText('Free there: CPUs 6-7').waitFor()
    const valueOf = (label: string): Promise<string> => page.getByLabel(label, { exact: true }).inputValue()
    assert.deepEqual(
      [await valueOf('Pinned to CPUs'), await valueOf('Memory (MiB)'), await valueOf('Profile')],
      ['6-7', '2048', 'base'],
    )
    await page.getByLabel('Virtual disks').fill('/dev/sda7')
    await assertAccessible(page, 'a guest is proposed')
    await page.getByLabel('Host name').fill('acas0009')
    await page.locator('#nic-0-ip').fill('192.0.2.19')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Add acas0009' }).waitFor()
    await assertAccessible(page, 'a guest before it is added')
    await page.getByRole('button', { name: 'Add it' }).press('Enter')
    await page.getByText('The guest is added.').waitFor()
    await page.getByRole('row', { name: '/dev/sda7 50,000 MiB acas0009' }).waitFor()
    assert.deepEqual(faults, [])
  })

  test('the site’s values are changed after a look; a fault stands beside its field', async (t) => {
    const farm = await open(t)
    const { page, faults } = await visit(t, farm.site, 'operator')
    await page.goto('/')
    await page.getByText('Inventory', { exact: true }).press('Enter')
    await page.getByRole('link', { name: 'Site', exact: true }).press('Enter')
    await page.getByRole('cell', { name: '(secret)' }).waitFor()
    await assertAccessible(page, 'site')
    await page.getByRole('link', { name: 'Edit', exact: true }).press('Enter')
    await page.getByLabel('timezone').fill('Europe/Paris')
    await page.getByLabel('More values').fill('Rack Row = 12')
    await page.getByRole('button', { name: 'Show what would change' }).press('Enter')
    await page.getByText('expected a name such as timezone').first().waitFor()
    await assertAccessible(page, 'site with a fault')
    await page.getByLabel('More values').fill('rack_row = 12')
    await page.getByRole('button', { name: 'Show what would change' }).press('Enter')
    await page.getByRole('button', { name: 'Change them' }).press('Enter')
    await page.getByText('The site’s values are changed.').waitFor()
    await page.getByRole('row', { name: 'timezone Europe/Paris' }).waitFor()
    await page.getByRole('row', { name: 'rack_row 12' }).waitFor()
    assert.deepEqual(faults, [])
  })

  test('what dhcpd’s own checker refuses is not published, and the page says whose line it is', async (t) => {
    const farm = await open(t)
    const [folder, main] = [join(farm.folder, 'isc'), join(farm.folder, 'dhcpd.conf')]
    const include = `include "${folder}/current/bootstead.conf";\n`
    writeFileSync(main, include)
    farm.targets.set('isc', { ...quietPlace, folder, main, check: true })
    const { page, faults } = await visit(t, farm.site, 'operator')
    const generate = async (): Promise<void> => {
      await page.goto('/generate')
      await page.locator('a[href="/generate/isc"]').first().click()
      await page.getByRole('button', { name: 'Generate' }).click()
    }
    await generate()
    await page.getByText('Generation 1 is published').waitFor()
    writeFileSync(main, `host bootstead-web-eth0 { hardware ethernet 00:00:5e:00:53:02; }\n${include}`)
    await farm.ask('patch', '/machines/web', { body: { interfaces: { eth0: { ip: '192.0.2.99' } } } })
    await generate()
    await page.getByText('The checker refuses it, because of web. Nothing was published').waitFor()
    await page.getByRole('cell', { name: /host bootstead-web-eth0: already exists/ }).waitFor()
    await assertAccessible(page, 'refused by dhcpd')
    assert.deepEqual(faults, [])
  })

  test('a page that gets no answer any more says so, and goes on by itself when the server is back', async (t) => {
    const farm = await open(t)
    const { page } = await visit(t, farm.site, 'viewer')
    await page.goto('/')
    await page.route('**/*', (route) => route.abort())
    await page.getByText('the server does not answer').waitFor()
    await assertAccessible(page, 'a page that stands still')
    await page.unrouteAll()
    await page.getByText('the server does not answer').waitFor({ state: 'detached' })
  })
})

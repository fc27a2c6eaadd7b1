// Pictures of the pages for the documentation: the sample farm at work, on a real server of its own.
// Usage: pictures.ts FOLDER; each picture keeps its name from one run to the next.
import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import type { Store } from '../../server/inventory/store/open.ts'
import { recordConsoles, recordEvents } from '../../server/inventory/store/record.ts'
import { writeSeen } from '../../server/serve/dhcp/seen-file.ts'
import { launch } from '../admin/browser.ts'
import type { SampleFarm } from './process.ts'
import { comeIn, sampleFarm } from './process.ts'

type Theme = 'light' | 'dark'
type Screen = keyof typeof screens

const screens = { desk: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } } as const

type Picture = Readonly<{
  name: string
  path: string
  as: readonly (readonly [Screen, Theme])[]
  /** At a desk, where the screen's own is too little. */
  height?: number
  /** What is done on the page before it is taken. */
  act?: (page: Page) => Promise<void>
}>

const everyWay = [
  ['desk', 'light'],
  ['desk', 'dark'],
  ['phone', 'light'],
  ['phone', 'dark'],
] as const
const [atDesk, inTheDark, onPhone] = [[['desk', 'light']], [['desk', 'dark']], [['phone', 'light']]] as const

const press =
  (button: string) =>
  async (page: Page): Promise<void> => {
    await page.getByRole('button', { name: button }).first().click()
    await page.waitForLoadState()
  }

const pictures: readonly Picture[] = [
  { name: 'farm', path: '/', as: everyWay },
  { name: 'machines', path: '/machines', as: everyWay },
  { name: 'dom0', path: '/machines/acas0021/guests', as: everyWay, height: 1540 },
  { name: 'machine', path: '/machines/acas0021', as: [...atDesk, ...onPhone] },
  { name: 'next-boot', path: '/machines/acas0021/explain?as=uefi', as: atDesk },
  { name: 'kickstart', path: '/machines/acas0024/artefact?name=kickstart', as: inTheDark },
  { name: 'timeline', path: '/machines/acas0022/timeline', as: atDesk },
  { name: 'install', path: '/bulk/arm?machine=acas0027&back=machine', as: atDesk },
  { name: 'add-guest', path: '/add?dom0=acas0030', as: atDesk },
  {
    name: 'move-guest',
    path: '/machines/acas0022/move',
    as: atDesk,
    act: async (page) => {
      await page.getByLabel('Dom0').fill('acas0030')
      await press('Propose what is free there')(page)
      await press('Show what would change')(page)
    },
  },
  {
    name: 'bulk-edit',
    path: '/bulk/edit?scope=all&profile=fedora-guest',
    as: atDesk,
    act: async (page) => {
      await page.getByLabel('Memory (MiB)', { exact: true }).fill('6144')
      await press('Show what would change')(page)
    },
  },
  {
    name: 'import',
    path: '/import',
    as: inTheDark,
    act: async (page) => {
      const rows = ['hostname,profile,memory_mib', 'acas0002,sl4-guest,6144', 'acas0003,sl4-guest,lots']
      await page.getByRole('textbox', { name: 'Text' }).fill(rows.join('\n'))
      await press('Show what would change')(page)
    },
  },
  { name: 'findings', path: '/findings', as: atDesk },
  { name: 'difference', path: '/changes/diff?before=95&after=97', as: inTheDark },
  { name: 'generate', path: '/generate/tftpboot', as: atDesk },
]

/** On some pages folder and ports are seen: they are the same in every run, the ports those of make demo. */
const folder = join(tmpdir(), 'bootstead-pictures')
const ports = { http: 8080, dhcp: 6767, tftp: 6969, admin: 8081 }

async function main(to: string): Promise<void> {
  const inventory = `sqlite:${join(folder, 'inventory.sqlite')}`
  rmSync(folder, { recursive: true, force: true })
  const farm = await sampleFarm(
    folder,
    inventory,
    ports,
    `targets:\n  tftpboot: {folder: ${join(folder, 'tftpboot')}}\n`,
  )
  await prepare(farm)
  const store = openStore(inventory)
  const server = await farm.serve()
  const browser = await launch()
  try {
    await live(store)
    mkdirSync(to, { recursive: true })
    const visitor = await browser.newContext({ baseURL: server.url })
    await comeIn(await visitor.newPage(), server.link)
    for (const picture of pictures) await take(browser, server.url, visitor, to, picture)
  } finally {
    await browser.close()
    await server.stop()
    await closeStore(store)
  }
}

/** Boot loaders, installers of the second group, some changes, and a row that is wrong. */
async function prepare({ bootstead }: SampleFarm): Promise<void> {
  await bootstead('loaders', 'collect', '--download')
  const [kernel, initrd] = [join(folder, 'vmlinuz'), join(folder, 'initrd.img')]
  writeFileSync(kernel, 'kernel')
  writeFileSync(initrd, 'initrd')
  for (const image of ['fedora44-x86_64', 'sl5-i386', 'sl4-i386-xen'])
    await bootstead('image', 'add', image, '--kernel', kernel, '--initrd', initrd)
  await bootstead('machine', 'set', 'acas[0025-0026]', 'memory_mib=6144')
  await bootstead('machine', 'rm', 'acas0032', '--yes')
  await bootstead('machine', 'set', 'acas0012', 'interface.eth0.ip=192.0.2.13', '--force')
  await bootstead('machine', 'set', 'acas0040', 'params.rack=r12')
  await writeSeen(folder, [
    {
      ...{ mac: '00:00:5e:00:53:78', machine: null, why: 'no machine has this MAC', vendorClass: 'PXEClient' },
      ...{ architecture: 7, uuid: null, via: 'eth0', count: 3 },
      ...{ firstAt: minutesAgo(9), lastAt: minutesAgo(8) },
    },
  ])
}

const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString()

/** Two guests install side by side, a Dom0 is further, one went wrong, and most are done. */
async function live(store: Store): Promise<void> {
  const heard = (machine: string, minutes: number, stage: string, detail: string | null = null, progress?: number) =>
    recordEvents(store, [
      { machine, at: minutesAgo(minutes), stage, detail, progress: progress ?? null, door: 'http', peer: null },
    ])
  const done = Array.from({ length: 20 }, (_, index) => `acas${String(index + 1).padStart(4, '0')}`)
  for (const machine of done) await heard(machine, 3000, 'ready')
  await heard('acas0021', 31, 'installed')
  await heard('acas0021', 28, 'guests', 'acas0022 acas0023')
  for (const [machine, progress, what] of [
    ['acas0022', 64, 'glibc-langpack-en'],
    ['acas0023', 41, 'systemd-networkd'],
  ] as const) {
    await heard(machine, 27, 'armed')
    await heard(machine, 26, 'kickstart')
    await heard(machine, 2, 'installing', 'packages', progress)
    const first = progress * 4
    const tail = Array.from({ length: 12 }, (_, line) => `Installing package ${first + line} of 428`)
    await recordConsoles(store, [
      { machine, at: minutesAgo(0), tail: [...tail, `Installing ${what} (${first + 12}/428)`].join('\n') },
    ])
  }
  await heard('acas0024', 12, 'failed', 'no disk sda: found nvme0n1')
}

async function take(
  browser: Browser,
  baseURL: string,
  visitor: BrowserContext,
  to: string,
  { name, path, as, height = screens.desk.height, act }: Picture,
): Promise<void> {
  const storageState = await visitor.storageState()
  for (const [screen, colorScheme] of as) {
    const viewport = screen === 'desk' ? { ...screens.desk, height } : screens.phone
    const context = await browser.newContext({ baseURL, storageState, colorScheme, viewport })
    const page = await context.newPage()
    await page.goto(path)
    await act?.(page)
    const file = join(to, `${name}-${screen}-${colorScheme}.png`)
    await page.screenshot({ path: file })
    await context.close()
    await promisify(execFile)('pngquant', ['--force', '--strip', '--speed', '1', '--output', file, '128', file])
    console.log(`${file} ${Math.ceil(statSync(file).size / 1000)} kB`)
  }
}

const [, , into = 'docs/pictures'] = process.argv
try {
  await main(into)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

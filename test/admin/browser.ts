// The administration side in a real browser: Debian's Chromium, what its console complains of, axe's rules of WCAG AA.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before } from 'node:test'
import type { TestContext } from 'node:test'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import { openAdmin } from '../../server/admin/server.ts'
import type { TestSite } from './site.ts'

const program = '/usr/bin/chromium'
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** For whoever wants to look: a folder for pictures of each page. */
const pictures = process.env['BOOTSTEAD_PICTURES'] ?? ''

export const screens = { desk: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const

type Visitor = Readonly<{
  page: Page
  /** What the console complained of: a broken content policy, above all. */
  faults: readonly string[]
}>
export type Visit = (
  t: TestContext,
  site: TestSite,
  user: string | null,
  options?: BrowserContextOptions,
) => Promise<Visitor>

/** A page of a server at `baseURL`, in a browser of its own memory. */
type OpenPage = (t: TestContext, baseURL: string, options?: BrowserContextOptions) => Promise<Visitor>

/** One browser for a file's tests. */
export function openPages(): OpenPage {
  let browser: Browser
  before(async () => {
    browser = await launch()
  })
  after(() => browser.close())
  return async (t, baseURL, options = {}) => {
    const context = await browser.newContext({ baseURL, viewport: screens.desk, ...options })
    t.after(() => context.close())
    const page = await context.newPage()
    page.setDefaultTimeout(15_000)
    return { page, faults: faultsOf(page) }
  }
}

/** @throws when Debian's Chromium is not there */
export function launch(): Promise<Browser> {
  if (!existsSync(program)) throw new Error('this test needs Chromium: apt-get install chromium')
  return chromium.launch({ executablePath: program, args: ['--no-sandbox'] })
}

/** Grows with what the page complains of. */
function faultsOf(page: Page): readonly string[] {
  const faults: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !/status of (403|404|409|412|422)/.test(message.text()))
      faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(error.message))
  return faults
}

/** @returns a visit of a site on a port of its own, logged in as `user` */
export function openBrowser(): Visit {
  const open = openPages()
  return async (t, site, user, options = {}) => {
    const { admin } = site
    const server = await openAdmin({
      ...admin,
      now: admin.now,
      listen: '127.0.0.1',
      port: 0,
      tls: null,
      trustProxy: [],
    })
    t.after(server.close)
    const baseURL = `http://127.0.0.1:${server.port}`
    const visitor = await open(t, baseURL, options)
    if (user !== null)
      await visitor.page
        .context()
        .addCookies([{ name: 'bootstead', value: await site.session(user), url: baseURL, httpOnly: true }])
    return visitor
  }
}

type Violation = Readonly<{ id: string; nodes: readonly Readonly<{ html: string; failureSummary: string }>[] }>

/** Names each element that breaks a rule of WCAG 2.2 A or AA, or one of axe's good practices. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  // The content policy lets no script be added to the page; the debugger's own evaluation is not the page's.
  await page.evaluate(axe)
  const violations = await page.evaluate<readonly Violation[]>('axe.run().then(({ violations }) => violations)')
  const told = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`),
  )
  assert.deepEqual(told, [], what)
  await takePicture(page, what)
}

/** Nothing sticks out at the side. */
export async function assertFits(page: Page, what: string): Promise<void> {
  const [wide = 0, room = 0] = await page.evaluate<readonly number[]>(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  )
  assert.ok(wide <= room, `${what}: ${wide} pixels on a screen of ${room}`)
}

async function takePicture(page: Page, what: string): Promise<void> {
  if (pictures === '') return
  mkdirSync(pictures, { recursive: true })
  await page.screenshot({ path: join(pictures, `${what.replaceAll(/\W+/g, '-')}.png`), fullPage: true })
}

/** Every page in light and dark, or one of them, at a desk and on a phone. */
export async function assertPages(
  visit: Visit,
  t: TestContext,
  site: TestSite,
  user: string,
  paths: readonly string[],
  schemes: readonly ('light' | 'dark')[] = ['light', 'dark'],
): Promise<void> {
  for (const colorScheme of schemes) {
    const { page, faults } = await visit(t, site, user, { colorScheme })
    for (const [name, size] of Object.entries(screens)) {
      await page.setViewportSize(size)
      for (const path of paths) {
        const what = `${path} ${colorScheme} ${name}`
        const answer = await page.goto(path)
        assert.ok((answer?.status() ?? 500) < 400, `${what}: ${answer?.status() ?? 'no answer'}`)
        await assertAccessible(page, what)
        await assertFits(page, what)
      }
    }
    assert.deepEqual(faults, [])
  }
}

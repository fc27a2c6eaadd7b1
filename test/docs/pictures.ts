// The pictures of the documents: each is taken where a document shows it, of the pages as they are at that moment.
//   node --import tsx test/docs/pictures.ts    plays the documents that have pictures, and writes docs/pictures/
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

export type Picture = Readonly<{
  /** Of the remark, from 1. */
  line: number
  /** Of the page, on the administration side. */
  page: string
  /** In docs/pictures. */
  file: string
}>

/** A picture is followed by the remark `picture: PAGE`. */
export const picturesOf = (markdown: string): readonly Picture[] =>
  [...markdown.matchAll(/!\[[^\]]*\]\([^)]*pictures\/([\w-]+\.png)\)\n\n<!-- picture: (\S+) -->/g)].map(
    ({ 0: all, 1: file = '', 2: page = '', index }) => ({
      line: markdown.slice(0, index + all.length).split('\n').length,
      page,
      file,
    }),
  )

/** Logs in as `alice` each time, who is there. */
export async function takePicture({ page: path, file }: Picture, folder: string, password: string): Promise<void> {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage({ baseURL: 'http://127.0.0.1:8081', viewport: { width: 1280, height: 760 } })
    await page.goto(`/login?to=${encodeURIComponent(path)}`)
    await page.fill('input[name=name]', 'alice')
    await page.fill('input[name=password]', password)
    await page.press('input[name=password]', 'Enter')
    await page.waitForURL((url) => url.pathname !== '/login')
    await page.goto(path)
    await page.screenshot({ path: join(folder, file) })
  } finally {
    await browser.close()
  }
}

if (import.meta.filename === process.argv[1]) {
  const checkout = join(import.meta.dirname, '../..')
  const compiled = mkdtempSync(join(tmpdir(), 'bootstead-pictures-'))
  const run = (program: string, words: readonly string[], env = {}): void => {
    const { status } = spawnSync(program, words, { cwd: checkout, stdio: 'inherit', env: { ...process.env, ...env } })
    if (status !== 0) throw new Error(`${program} ${words.join(' ')}: exit status ${status ?? 'none'}`)
  }
  run('npx', ['tsc', '-p', 'tsconfig.build.json', '--noCheck', '--outDir', compiled])
  const folder = join(checkout, 'docs/pictures')
  const taken: string[] = []
  for (const name of readdirSync(join(checkout, 'docs'), { recursive: true, encoding: 'utf8' })) {
    const pictures = name.endsWith('.md') ? picturesOf(readFileSync(join(checkout, 'docs', name), 'utf8')) : []
    if (pictures.length === 0) continue
    const play = [process.execPath, '--import', 'tsx', 'test/docs/play.ts', `docs/${name}`]
    run('test/docs/scene.sh', [checkout, compiled, ...play], { BOOTSTEAD_PICTURES: folder })
    taken.push(...pictures.map(({ file }) => join(folder, file)))
  }
  rmSync(compiled, { recursive: true })
  run('pngquant', ['--force', '--strip', '--ext', '.png', '64', ...taken])
}

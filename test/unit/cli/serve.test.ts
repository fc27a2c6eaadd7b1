// `bootstead serve` as a process: what it keeps when every door is off, and how it is told.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Cli } from './cli.ts'
import { openCli, openInstallableFarm } from './cli.ts'

const doorless = ['serve', '--no-dhcp', '--no-tftp', '--no-http', '--no-admin']
const menu = 'state/generated/tftpboot/pxelinux.cfg/01-00-00-5e-00-53-02'

/** Only ever reached when something is wrong; no assertion depends on it. */
const patienceMs = 60_000
async function until(holds: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + patienceMs; Date.now() < end;) {
    if (holds()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.fail(`in vain: ${what}`)
}

/** Starts the program in the site's folder, and ends it with the test. */
function start(t: TestContext, { folder }: Cli, words: readonly string[]) {
  const env = {
    PATH: process.env['PATH'],
    BOOTSTEAD_STATE: join(folder, 'state'),
    BOOTSTEAD_TEMPLATES: join(folder, 'templates'),
    BOOTSTEAD_ADVERTISE: '192.0.2.1',
  }
  const program = join(import.meta.dirname, '../../../bin/bootstead')
  const child = spawn(process.execPath, [program, ...words], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed = { text: '' }
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => void (printed.text += chunk.toString()))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, ended, printed: () => printed.text }
}

test('with every door off it still keeps the targets: at the start, after a change, and at SIGHUP with the site’s templates', async (t) => {
  const cli = await openInstallableFarm(t)
  cli.write('bootstead.yaml', 'targets: {tftpboot: }\nregenerate: 1\nhttp_port: 8080\n')
  const server = start(t, cli, doorless)
  const text = (): string => (existsSync(join(cli.folder, menu)) ? readFileSync(join(cli.folder, menu), 'utf8') : '')
  await until(() => text().includes('boot is local'), 'published at the start')
  await cli.ok('machine', 'set', 'web', 'boot=rescue')
  await until(() => text().includes('boot is rescue'), 'the change is published')
  const script = readFileSync(join(cli.folder, 'state/generated/tftpboot/ipxe/00:00:5e:00:53:02.ipxe'), 'utf8')
  assert.match(script, /http:\/\/192\.0\.2\.1:8080\//, 'another process serves HTTP there')
  cli.write('templates/pxe/pxelinux.cfg', '# of this site\n')
  server.child.kill('SIGHUP')
  await until(() => text() === '# of this site\n', 'the templates are taken up')
  server.child.kill('SIGTERM')
  assert.equal(await server.ended, 0, server.printed())
})

test('with every door off and nothing to generate there is nothing to serve, and the ways out are named', async (t) => {
  const cli = await openInstallableFarm(t)
  for (const more of [[], ['--regenerate', '5']]) {
    const { code, err } = await cli.run([...doorless, ...more])
    assert.equal(code, 2)
    assert.match(err, /there is nothing to serve: .*open a door, or name targets .*--regenerate SECONDS/)
  }
  cli.write('bootstead.yaml', 'targets: {tftpboot: }\n')
  assert.equal((await cli.run(doorless)).code, 2)
})

test('without users, a log for people has a link for the first administrator; a log that programs keep has none', async (t) => {
  const cli = await openInstallableFarm(t)
  const words = ['serve', '--no-dhcp', '--no-tftp', '--no-http', '--admin-port', '0']
  const kept = start(t, cli, [...words, '--log-format', 'json'])
  await until(() => kept.printed().includes('bootstead user invite --first'), 'the way is named')
  assert.doesNotMatch(kept.printed(), /token=/)
  kept.child.kill('SIGTERM')
  assert.equal(await kept.ended, 0, kept.printed())
  const read = start(t, cli, [...words, '--log-format', 'text'])
  await until(() => read.printed().includes('/invitation?token='), 'the link is printed')
  const link = /http:\/\/127\.0\.0\.1:\d+\/invitation\?token=[\w-]{43}/.exec(read.printed())?.[0] ?? ''
  assert.match(await (await fetch(link)).text(), /You will have the role <strong>admin<\/strong>/)
})

test('a certificate without its key is wrong usage', async (t) => {
  const { code, err } = await openCli(t).run(['serve', '--admin-tls-cert', 'x.pem'])
  assert.deepEqual([code, /admin_tls_cert and admin_tls_key belong together/.test(err)], [2, true])
})

// firstboot/xenconf: what the server has is what lies in /etc/xen, or nothing was changed.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import type { Dom0, Farm } from './dom0.ts'
import {
  commandsRun,
  cutPowerAt,
  disarm,
  dom0,
  expectedFiles,
  farm,
  installConfig,
  plain,
  runningConfig,
  userlands,
  token,
} from './dom0.ts'

/** Every file and folder of a Dom0, with what a write to it would change. */
function everything(machine: Dom0): Readonly<Record<string, readonly number[]>> {
  const paths = readdirSync(machine.root, { recursive: true, encoding: 'utf8' }).filter(
    (path) => !path.startsWith('bin/'),
  )
  return Object.fromEntries(
    ['', ...paths].map((path) => {
      const { ino, mtimeMs, ctimeMs, mode } = lstatSync(machine.path(path))
      return [path, [ino, mtimeMs, ctimeMs, mode]]
    }),
  )
}

for (const { name, ...userland } of userlands) {
  test(`${name}: the first run writes what the manifest lists, the second changes nothing`, async (t) => {
    const server = await farm(t, userland.toolstack)
    const machine = dom0(t, userland, server.url)
    const first = await machine.run('xenconf')
    assert.equal(first.stderr, '')
    assert.equal(first.status, 0)
    assert.ok(first.stdout.includes(`${machine.configName('acas1_install')}: written\n`))
    assert.deepEqual(machine.files(), expectedFiles(server))
    assert.equal(statSync(machine.config('acas1')).mode & 0o777, 0o600)
    assert.equal(statSync(machine.path('var/lib/bootstead/boot/el9/vmlinuz')).mode & 0o777, 0o644)
    assert.equal(statSync(machine.path('var/lib/bootstead')).mode & 0o777, 0o711, "qemu's user reaches the kernels")

    const [before, asked] = [everything(machine), server.requests.length]
    const second = await machine.run('xenconf')
    assert.equal(second.status, 0)
    assert.ok(second.stdout.includes(`${machine.configName('acas1_install')}: as it was\n`))
    assert.doesNotMatch(second.stdout, /written|removed/)
    assert.deepEqual(server.requests.slice(asked), ['dom0/dom0a/manifest'])
    const quiet = await machine.run('xenconf', ['-q'])
    assert.deepEqual([quiet.status, quiet.stdout, quiet.stderr], [0, '', ''])
    assert.deepEqual(everything(machine), before, 'no file and no folder was written')
  })

  test(`${name}: guests that left lose their configurations, and only what xenconf wrote is touched`, async (t) => {
    const server = await farm(t, userland.toolstack)
    const machine = dom0(t, userland, server.url)
    writeFileSync(machine.path('etc/xen/handmade'), 'name = "handmade"\n')
    writeFileSync(machine.path('etc/xen/xend-config.sxp'), '(xend)\n')
    mkdirSync(machine.path('etc/xen/auto'))
    symlinkSync('../handmade', machine.path('etc/xen/auto/handmade'))
    assert.equal((await machine.run('xenconf')).status, 0)

    server.guests.delete('acas1')
    const changed = runningConfig('acas2', 1024, userland.toolstack)
    server.guests.set('acas2', { running: changed, install: null })
    server.images.clear()
    const again = await machine.run('xenconf')
    assert.equal(again.status, 0, again.stderr)
    assert.ok(again.stdout.includes(`${machine.configName('acas1')}: removed\n`))
    assert.deepEqual(machine.files(), {
      [machine.configName('acas2')]: changed,
      [machine.configName('acas3')]: runningConfig('acas3', 512, userland.toolstack),
      'xen/auto/handmade': '-> ../handmade',
      'xen/handmade': 'name = "handmade"\n',
      'xen/xend-config.sxp': '(xend)\n',
    })
  })

  test(`${name}: a withheld guest keeps both configurations and its kernels`, async (t) => {
    const server = await farm(t, userland.toolstack)
    const machine = dom0(t, userland, server.url)
    assert.equal((await machine.run('xenconf')).status, 0)
    const before = expectedFiles(server)
    server.guests.delete('acas1')
    server.images.clear()
    server.keep = ['acas1']
    for (const _ of [1, 2]) {
      const again = await machine.run('xenconf')
      assert.equal(again.status, 0)
      assert.ok(again.stdout.includes(`${machine.configName('acas1')}: kept\n`))
      assert.deepEqual(machine.files(), before)
    }
    const state = everything(machine)
    assert.equal((await machine.run('xenconf', ['-q'])).status, 0)
    assert.deepEqual(everything(machine), state, 'what is kept is no change either')
    server.keep = []
    assert.equal((await machine.run('xenconf')).status, 0)
    assert.deepEqual(machine.files(), expectedFiles(server), 'what was kept is still known to be ours')
  })

  test(`${name}: without the server nothing changes, and the exit status says to try again`, async (t) => {
    const server = await farm(t, userland.toolstack)
    const machine = dom0(t, userland, server.url)
    assert.equal((await machine.run('xenconf')).status, 0)
    const before = machine.files()
    server.guests.delete('acas1')
    await server.stop()
    for (const _ of [1, 2]) {
      const away = await machine.run('xenconf')
      assert.equal(away.status, 75)
      assert.match(away.stderr, /connect/i)
      assert.deepEqual(machine.files(), before)
    }
    await server.start()
    assert.equal((await machine.run('xenconf')).status, 0)
    assert.deepEqual(machine.files(), expectedFiles(server))
  })

  const faults: readonly Readonly<{ fault: string; status: number; says: RegExp; inject: (server: Farm) => void }>[] = [
    {
      fault: 'a truncated manifest',
      status: 1,
      says: /its end is missing/,
      inject: (server) => {
        const { manifest } = server
        server.manifest = () => manifest().replace(/keep.*\n|end.*\n/g, '')
      },
    },
    {
      fault: 'a manifest with a line missing',
      status: 1,
      says: /it is not complete/,
      inject: (server) => {
        const { manifest } = server
        server.manifest = () => manifest().replace(/^file .*\n/m, '')
      },
    },
    {
      fault: "another Dom0's manifest",
      status: 1,
      says: /does not begin with/,
      inject: (server) => {
        const { manifest } = server
        server.manifest = () => manifest().replace('dom0a', 'dom0b')
      },
    },
    {
      fault: 'a tampered download',
      status: 1,
      says: /acas3\S* is not what the manifest says/,
      inject: (server) => {
        server.intercept = (path, response) => path.includes('/acas3') && Boolean(response.end('extra = "evil"\n'))
      },
    },
    {
      fault: 'a download that breaks off',
      status: 75,
      says: /vmlinuz|transfer|closed|bytes/i,
      inject: (server) => {
        server.intercept = (path, response) => {
          if (!path.endsWith('vmlinuz')) return false
          response.writeHead(200, { 'content-length': '81000' }).write('a kernel')
          setImmediate(() => response.destroy())
          return true
        }
      },
    },
    {
      fault: 'a broken server (500)',
      status: 75,
      says: /HTTP 500: this server failed/,
      inject: (server) => {
        server.intercept = (_, response) => Boolean(response.writeHead(500).end('this server failed\n'))
      },
    },
  ]
  for (const { fault: what, status, says, inject } of faults)
    test(`${name}: ${what} changes nothing`, async (t) => {
      const server = await farm(t, userland.toolstack)
      const machine = dom0(t, userland, server.url)
      server.guests.delete('acas3')
      assert.equal((await machine.run('xenconf')).status, 0)
      const before = machine.files()
      server.guests.set('acas3', { running: runningConfig('acas3', 2048, userland.toolstack), install: null })
      server.images.set('images/el9/vmlinuz', 'another kernel\n')
      inject(server)
      const refused = await machine.run('xenconf')
      assert.match(refused.stderr, says)
      assert.equal(refused.status, status)
      assert.deepEqual(machine.files(), before)
    })

  test(`${name}: a manifest that leads elsewhere changes nothing`, async (t) => {
    const server = await farm(t, userland.toolstack)
    const machine = dom0(t, userland, server.url)
    assert.equal((await machine.run('xenconf')).status, 0)
    const before = machine.files()
    const { manifest } = server
    for (const place of [
      'xen/../passwd',
      'xen/auto/x',
      'libvirt/acas1',
      'libvirt/../x.xml',
      'libvirt/qemu/x.xml',
    ].concat(['boot/../../x', 'boot/el9/../../x', '/etc/passwd', 'xen/a b'])) {
      server.manifest = () => manifest().replace(/ (xen|libvirt|boot)\/\S+/, ` ${place}`)
      const refused = await machine.run('xenconf')
      assert.match(refused.stderr, /line 2: /, place)
      assert.equal(refused.status, 1)
      assert.deepEqual(machine.files(), before)
    }
  })

  test(`${name}: a wrong token changes nothing, and the server's reason is shown`, async (t) => {
    const server = await farm(t, userland.toolstack)
    const machine = dom0(t, userland, server.url, 'wrong')
    for (const _ of [1, 2]) {
      const refused = await machine.run('xenconf')
      assert.equal(refused.status, 1)
      assert.match(refused.stderr, /HTTP 403: the token is not dom0a's/)
      assert.deepEqual(machine.files(), {})
    }
  })

  test(`${name}: a change of the inventory between manifest and file is followed, not refused`, async (t) => {
    const server = await farm(t, userland.toolstack)
    const machine = dom0(t, userland, server.url)
    server.intercept = (path) => {
      if (path.includes('acas1_install')) disarm(server, 'acas1')
      return false
    }
    const run = await machine.run('xenconf')
    assert.equal(run.status, 0, run.stderr)
    assert.deepEqual(machine.files(), expectedFiles(server))
  })

  test(`${name}: a configuration that somebody else wrote is left alone, and so is everything else`, async (t) => {
    const server = await farm(t, userland.toolstack)
    const machine = dom0(t, userland, server.url)
    mkdirSync(dirname(machine.config('acas2')), { recursive: true })
    writeFileSync(machine.config('acas2'), 'acas2, by hand\n')
    for (const _ of [1, 2]) {
      const refused = await machine.run('xenconf')
      assert.equal(refused.status, 1)
      assert.ok(refused.stderr.includes(`${machine.config('acas2')} was not written by xenconf: move it away`))
      assert.deepEqual(machine.files(), { [machine.configName('acas2')]: 'acas2, by hand\n' })
    }
  })

  test(`${name}: two at once both succeed, one after the other`, async (t) => {
    const server = await farm(t, userland.toolstack)
    const machine = dom0(t, userland, server.url)
    const both = await Promise.all([machine.run('xenconf'), machine.run('xenconf')])
    assert.deepEqual(
      both.map(({ status, stderr }) => [status, stderr]),
      [
        [0, ''],
        [0, ''],
      ],
    )
    assert.deepEqual(machine.files(), expectedFiles(server))
    assert.equal(server.requests.filter((path) => path.endsWith('vmlinuz')).length, 1)
  })

  test(`${name}: no process list shows the token`, async (t) => {
    const server = await farm(t, userland.toolstack)
    const machine = dom0(t, userland, server.url)
    const shown: string[] = []
    server.onRequest = () => shown.push(...commandLines().filter((line) => line.includes(token)))
    assert.equal((await machine.run('xenconf')).status, 0)
    assert.deepEqual(shown, [])
  })
}

function commandLines(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      } catch {
        return '' // it ended meanwhile
      }
    })
}

/** A PATH without some tools and with others. Under dash: busybox's own shell finds its applets without a PATH. */
function withTools(
  machine: Dom0,
  gone: readonly string[],
  instead: readonly string[],
): Readonly<Record<string, string>> {
  const bin = machine.path('bin')
  for (const tool of ['sh', ...gone]) rmSync(`${bin}/${tool}`)
  symlinkSync('/usr/bin/dash', `${bin}/sh`)
  for (const tool of instead) symlinkSync(`/usr/bin/${tool}`, `${bin}/${tool}`)
  return { PATH: bin }
}

test('without curl, GNU wget fetches as well, keeps the token to itself, and tells away from refused', async (t) => {
  const server = await farm(t)
  const machine = dom0(t, { ...plain, shell: 'busybox' }, server.url)
  const env = withTools(machine, ['curl', 'wget'], ['wget'])
  const shown: string[] = []
  server.onRequest = () => shown.push(...commandLines().filter((line) => line.includes(token)))
  for (const _ of [1, 2]) {
    const run = await machine.run('xenconf', [], env)
    assert.equal(run.status, 0, run.stderr)
    assert.deepEqual(machine.files(), expectedFiles(server))
  }
  assert.deepEqual(shown, [])
  server.intercept = (_, response) => Boolean(response.writeHead(403).end())
  assert.equal((await machine.run('xenconf', [], env)).status, 1)
  server.intercept = (_, response) => Boolean(response.writeHead(503).end())
  assert.equal((await machine.run('xenconf', [], env)).status, 75)
  await server.stop()
  assert.equal((await machine.run('xenconf', [], env)).status, 75)
})

test("busybox's wget alone is refused: it would show the token to everybody", async (t) => {
  const server = await farm(t)
  const machine = dom0(t, { ...plain, shell: 'busybox' }, server.url)
  const refused = await machine.run('xenconf', [], withTools(machine, ['curl'], []))
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /curl or GNU wget is needed/)
  assert.deepEqual(server.requests, [])
})

test('without sha256sum, openssl verifies', async (t) => {
  const server = await farm(t)
  const machine = dom0(t, { ...plain, shell: 'busybox' }, server.url)
  const env = withTools(machine, ['sha256sum', 'busybox'], ['openssl'])
  for (const _ of [1, 2]) {
    const run = await machine.run('xenconf', [], env)
    assert.equal(run.status, 0, run.stderr)
    assert.deepEqual(machine.files(), expectedFiles(server))
  }
})

test('a full disk changes nothing', async (t) => {
  assert.equal(spawnSync('unshare', ['-m', 'true']).status, 0, 'this test mounts a small disk: it runs as root')
  const server = await farm(t)
  const machine = dom0(t, plain, server.url)
  assert.equal((await machine.run('xenconf')).status, 0)
  const before = machine.files()
  server.guests.delete('acas1')
  server.images.set('images/el10/vmlinuz', 'a larger kernel\n'.repeat(9000))
  const boot = machine.path('var/lib/bootstead/boot/el10')
  mkdirSync(boot)
  const xenconf = machine.path('usr/local/sbin/xenconf')
  const script = `mount -t tmpfs -o size=32k tmpfs '${boot}' && '${xenconf}' -q && exit 99; echo "status $?"; ls -A '${boot}'`
  machine.stub('on-full-disk', `exec unshare -m /bin/sh -c '${script.replaceAll("'", `'\\''`)}'`)
  const full = await machine.run('../../../stubs/on-full-disk')
  assert.equal(full.stdout, 'status 1\n', 'it fails, and leaves no temporary file')
  assert.deepEqual(machine.files(), before)
  assert.equal((await machine.run('xenconf')).status, 0)
  assert.deepEqual(machine.files(), expectedFiles(server))
})

test('a rename that fails is said; the next run finishes', async (t) => {
  const server = await farm(t)
  const machine = dom0(t, plain, server.url)
  machine.stub('mv', 'case "$*" in *etc/xen/acas2) exit 1 ;; esac; exec /usr/bin/mv "$@"')
  const failed = await machine.run('xenconf')
  assert.equal(failed.status, 1)
  assert.match(failed.stderr, /acas2 could not be put in place; run xenconf again/)
  rmSync(machine.path('stubs/mv'))
  assert.equal((await machine.run('xenconf')).status, 0)
  assert.deepEqual(machine.files(), expectedFiles(server))
})

test('a power cut at any command leaves whole files, and the next run ends as if nothing had happened', async (t) => {
  const tools = ['curl', 'mv', 'rm', 'chmod', 'sync', 'sort', 'mkdir', 'flock', 'rmdir']
  for (let at = 1, cut = true; cut; at++) {
    const server = await farm(t)
    const machine = dom0(t, plain, server.url)
    assert.equal((await machine.run('xenconf')).status, 0)
    writeFileSync(machine.path('etc/xen/handmade'), 'by hand\n')
    const old = machine.files()
    server.guests.delete('acas1')
    server.guests.set('acas2', { running: runningConfig('acas2', 1024), install: null })
    server.guests.set('acas4', { running: runningConfig('acas4'), install: installConfig('acas4') })
    server.images.delete('images/el9/pxeboot/initrd.img')
    const expected = { ...expectedFiles(server), 'xen/handmade': 'by hand\n' }

    cutPowerAt(machine, tools, at)
    cut = (await machine.run('xenconf')).status !== 0
    assert.equal(cut, commandsRun(machine) === at)
    for (const [path, text] of Object.entries(machine.files()))
      if (!path.includes('.xenconf-new.'))
        assert.ok([old[path], (expected as typeof old)[path]].includes(text), `${path} after a cut at ${at}`)
    for (const tool of tools) rmSync(machine.path(`stubs/${tool}`))

    const again = await machine.run('xenconf')
    assert.equal(again.status, 0, again.stderr)
    assert.deepEqual(machine.files(), expected, `after a cut at ${at}`)
    assert.ok(!existsSync(machine.path('var/lib/bootstead/xenconf.pulled')))
  }
})

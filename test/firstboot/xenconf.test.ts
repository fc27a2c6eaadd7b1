// firstboot/xenconf: what the server has is what lies in /etc/xen, or nothing was changed.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
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
  runningConfig,
  shells,
  token,
} from './dom0.ts'

const inode = (machine: Dom0, path: string): number => statSync(machine.path(path)).ino

for (const shell of shells) {
  test(`${shell}: the first run writes what the manifest lists, the second changes nothing`, async (t) => {
    const server = await farm(t)
    const machine = dom0(t, shell, server.url)
    const first = await machine.run('xenconf')
    assert.equal(first.stderr, '')
    assert.equal(first.status, 0)
    assert.match(first.stdout, /^xen\/acas1_install: written$/m)
    assert.deepEqual(machine.files(), expectedFiles(server))
    assert.equal(statSync(machine.path('etc/xen/acas1')).mode & 0o777, 0o600)
    assert.equal(statSync(machine.path('var/lib/bootstead/boot/el9/vmlinuz')).mode & 0o777, 0o644)

    const [before, asked] = [inode(machine, 'etc/xen/acas1'), server.requests.length]
    const second = await machine.run('xenconf')
    assert.equal(second.status, 0)
    assert.match(second.stdout, /^xen\/acas1_install: as it was$/m)
    assert.doesNotMatch(second.stdout, /written|removed/)
    assert.equal(inode(machine, 'etc/xen/acas1'), before)
    assert.deepEqual(server.requests.slice(asked), ['dom0/dom0a/manifest'])
    assert.equal((await machine.run('xenconf', ['-q'])).stdout, '')
  })

  test(`${shell}: guests that left lose their configurations, and only what xenconf wrote is touched`, async (t) => {
    const server = await farm(t)
    const machine = dom0(t, shell, server.url)
    writeFileSync(machine.path('etc/xen/handmade'), 'name = "handmade"\n')
    writeFileSync(machine.path('etc/xen/xend-config.sxp'), '(xend)\n')
    mkdirSync(machine.path('etc/xen/auto'))
    symlinkSync('../handmade', machine.path('etc/xen/auto/handmade'))
    assert.equal((await machine.run('xenconf')).status, 0)

    server.guests.delete('acas1')
    server.guests.set('acas2', { running: runningConfig('acas2', 1024), install: null })
    server.images.clear()
    const again = await machine.run('xenconf')
    assert.equal(again.status, 0, again.stderr)
    assert.match(again.stdout, /^xen\/acas1: removed$/m)
    assert.deepEqual(machine.files(), {
      'xen/acas2': runningConfig('acas2', 1024),
      'xen/acas3': runningConfig('acas3'),
      'xen/auto/handmade': '-> ../handmade',
      'xen/handmade': 'name = "handmade"\n',
      'xen/xend-config.sxp': '(xend)\n',
    })
  })

  test(`${shell}: a withheld guest keeps both configurations and its kernels`, async (t) => {
    const server = await farm(t)
    const machine = dom0(t, shell, server.url)
    assert.equal((await machine.run('xenconf')).status, 0)
    const before = expectedFiles(server)
    server.guests.delete('acas1')
    server.images.clear()
    server.keep = ['acas1']
    for (const _ of [1, 2]) {
      const again = await machine.run('xenconf')
      assert.equal(again.status, 0)
      assert.match(again.stdout, /^xen\/acas1: kept$/m)
      assert.deepEqual(machine.files(), before)
    }
    server.keep = []
    assert.equal((await machine.run('xenconf')).status, 0)
    assert.deepEqual(machine.files(), expectedFiles(server), 'what was kept is still known to be ours')
  })

  test(`${shell}: without the server nothing changes, and the exit status says to try again`, async (t) => {
    const server = await farm(t)
    const machine = dom0(t, shell, server.url)
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

  const faults: readonly Readonly<{ name: string; status: number; says: RegExp; fault: (server: Farm) => void }>[] = [
    {
      name: 'a truncated manifest',
      status: 1,
      says: /its end is missing/,
      fault: (server) => {
        const { manifest } = server
        server.manifest = () => manifest().replace(/keep.*\n|end.*\n/g, '')
      },
    },
    {
      name: 'a manifest with a line missing',
      status: 1,
      says: /it is not complete/,
      fault: (server) => {
        const { manifest } = server
        server.manifest = () => manifest().replace(/^file .*\n/m, '')
      },
    },
    {
      name: "another Dom0's manifest",
      status: 1,
      says: /does not begin with/,
      fault: (server) => {
        const { manifest } = server
        server.manifest = () => manifest().replace('dom0a', 'dom0b')
      },
    },
    ...['xen/../passwd', 'xen/auto/x', 'boot/../../x', 'boot/el9/../../x', '/etc/passwd', 'xen/a b'].map((place) => ({
      name: `a manifest that leads to ${place}`,
      status: 1,
      says: /line 2: /,
      fault: (server: Farm) => {
        const { manifest } = server
        server.manifest = () => manifest().replace(/ (xen|boot)\/\S+/, ` ${place}`)
      },
    })),
    {
      name: 'a tampered download',
      status: 1,
      says: /acas3 is not what the manifest says/,
      fault: (server) => {
        server.intercept = (path, response) => path.endsWith('/acas3') && Boolean(response.end('extra = "evil"\n'))
      },
    },
    {
      name: 'a download that breaks off',
      status: 75,
      says: /vmlinuz|transfer|closed|bytes/i,
      fault: (server) => {
        server.intercept = (path, response) => {
          if (!path.endsWith('vmlinuz')) return false
          response.writeHead(200, { 'content-length': '81000' }).write('a kernel')
          setImmediate(() => response.destroy())
          return true
        }
      },
    },
    {
      name: 'a broken server (500)',
      status: 75,
      says: /HTTP 500: this server failed/,
      fault: (server) => {
        server.intercept = (_, response) => Boolean(response.writeHead(500).end('this server failed\n'))
      },
    },
  ]
  for (const { name, status, says, fault } of faults)
    test(`${shell}: ${name} changes nothing`, async (t) => {
      const server = await farm(t)
      const machine = dom0(t, shell, server.url)
      server.guests.delete('acas3')
      assert.equal((await machine.run('xenconf')).status, 0)
      const before = machine.files()
      server.guests.set('acas3', { running: runningConfig('acas3', 2048), install: null })
      server.images.set('images/el9/vmlinuz', 'another kernel\n')
      fault(server)
      const refused = await machine.run('xenconf')
      assert.match(refused.stderr, says)
      assert.equal(refused.status, status)
      assert.deepEqual(machine.files(), before)
    })

  test(`${shell}: a wrong token changes nothing, and the server's reason is shown`, async (t) => {
    const server = await farm(t)
    const machine = dom0(t, shell, server.url, 'wrong')
    for (const _ of [1, 2]) {
      const refused = await machine.run('xenconf')
      assert.equal(refused.status, 1)
      assert.match(refused.stderr, /HTTP 403: the token is not dom0a's/)
      assert.deepEqual(machine.files(), {})
    }
  })

  test(`${shell}: a change of the inventory between manifest and file is followed, not refused`, async (t) => {
    const server = await farm(t)
    const machine = dom0(t, shell, server.url)
    server.intercept = (path) => {
      if (path.endsWith('acas1_install')) disarm(server, 'acas1')
      return false
    }
    const run = await machine.run('xenconf')
    assert.equal(run.status, 0, run.stderr)
    assert.deepEqual(machine.files(), expectedFiles(server))
  })

  test(`${shell}: a configuration that somebody else wrote is left alone, and so is everything else`, async (t) => {
    const server = await farm(t)
    const machine = dom0(t, shell, server.url)
    writeFileSync(machine.path('etc/xen/acas2'), 'name = "acas2" # by hand\n')
    for (const _ of [1, 2]) {
      const refused = await machine.run('xenconf')
      assert.equal(refused.status, 1)
      assert.match(refused.stderr, /etc\/xen\/acas2 was not written by xenconf: move it away/)
      assert.deepEqual(machine.files(), { 'xen/acas2': 'name = "acas2" # by hand\n' })
    }
  })

  test(`${shell}: two at once both succeed, one after the other`, async (t) => {
    const server = await farm(t)
    const machine = dom0(t, shell, server.url)
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

  test(`${shell}: no process list shows the token`, async (t) => {
    const server = await farm(t)
    const machine = dom0(t, shell, server.url)
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
  const machine = dom0(t, 'busybox', server.url)
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
  const machine = dom0(t, 'busybox', server.url)
  const refused = await machine.run('xenconf', [], withTools(machine, ['curl'], []))
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /curl or GNU wget is needed/)
  assert.deepEqual(server.requests, [])
})

test('without sha256sum, openssl verifies', async (t) => {
  const server = await farm(t)
  const machine = dom0(t, 'busybox', server.url)
  const env = withTools(machine, ['sha256sum', 'busybox'], ['openssl'])
  for (const _ of [1, 2]) {
    const run = await machine.run('xenconf', [], env)
    assert.equal(run.status, 0, run.stderr)
    assert.deepEqual(machine.files(), expectedFiles(server))
  }
})

const namespaces = spawnSync('unshare', ['-m', 'true']).status === 0
test('a full disk changes nothing', { skip: namespaces ? false : 'no mount namespaces here' }, async (t) => {
  const server = await farm(t)
  const machine = dom0(t, 'dash', server.url)
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
  const machine = dom0(t, 'dash', server.url)
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
    const machine = dom0(t, 'dash', server.url)
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

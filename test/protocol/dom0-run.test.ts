// `bootstead dom0 run` against real sshds, through the system's own ssh.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Cli, Printed } from '../unit/cli/cli.ts'
import { openCli, sha256 } from '../unit/cli/cli.ts'
import type { Dom0s } from './sshd.ts'
import { freePort, startDom0s, user } from './sshd.ts'

const bootstead = join(import.meta.dirname, '../../bin/bootstead')
const names = ['acas0001', 'acas0004', 'acas0007', 'acas0010'] as const
const addresses = Object.fromEntries(names.map((name, index) => [name, `127.0.0.${11 + index}`]))

const inventory = `
networks: { farm: { cidr: 127.0.0.0/8 } }
images: { el9: { arch: x86_64, kernel: vmlinuz, initrd: initrd.img, sha256: { vmlinuz: ${sha256('kernel')}, initrd.img: ${sha256('initrd')} } } }
profiles:
  guest: { family: el, version: "9", template: own.ks, image: el9 }
  dom0: { parent: guest, hypervisor: xen }
machines:
${names.map((name, index) => `  ${name}: { profile: dom0, vcpus: 8, memory_mib: 16384, disk: sda, interfaces: { eth0: { mac: "00:00:5e:00:53:0${index}", ip: ${addresses[name]}, network: farm, bridge: xenbr0 } } }`).join('\n')}
  acas0002: { profile: guest, dom0: acas0001, vdisk: /dev/sda5, memory_mib: 2048, interfaces: { eth0: { ip: 127.0.0.22, network: farm } } }
`

type Farm = Readonly<{ cli: Cli; dom0s: Dom0s; run: (...words: readonly string[]) => Promise<Printed> }>

async function openDom0s(t: TestContext): Promise<Farm> {
  const cli = openCli(t)
  const [dom0s] = await Promise.all([startDom0s(t, addresses), cli.ok('import', cli.write('farm.yaml', inventory))])
  const run: Farm['run'] = (...words) =>
    cli.run(['dom0', 'run', '--user', user, '--ssh-config', dom0s.config, ...words], { env: environment(cli) })
  return { cli, dom0s, run }
}

const environment = (cli: Cli): Readonly<Record<string, string | undefined>> => ({
  BOOTSTEAD_STATE: join(cli.folder, 'state'),
  BOOTSTEAD_TEMPLATES: join(cli.folder, 'templates'),
  BOOTSTEAD_ADVERTISE: '127.0.0.1',
  PATH: process.env['PATH'],
})

type Json = Readonly<{
  command: string
  results: readonly Readonly<{
    hostname: string
    outcome: string
    status: number | null
    why: string | null
    seconds: number
    output: string
  }>[]
}>
const parse = ({ out }: Printed): Json => JSON.parse(out) as Json
const outcomes = (printed: Printed): readonly (readonly [string, string])[] =>
  parse(printed).results.map(({ hostname, outcome }) => [hostname, outcome])

describe('dom0 run', () => {
  test('a line for each with the last thing the command said, and a summary', async (t) => {
    const { run } = await openDom0s(t)
    const { code, out, err } = await run('acas[0001,0004]', '--', 'echo one; echo "guests of $DOM0"; echo >&2')
    assert.deepEqual([code, err], [0, ''])
    const lines = out.trimEnd().split('\n')
    assert.match(lines.toSorted()[1] ?? '', /^acas0001 {2}ok {6}guests of acas0001 {2}\d+\.\d s$/)
    assert.match(lines.toSorted()[2] ?? '', /^acas0004 {2}ok {6}guests of acas0004 {2}\d+\.\d s$/)
    assert.equal(lines[2], '2 Dom0s: all well')
  })

  test('all at once as --jobs allows: each waits until all four are there', async (t) => {
    const { run, dom0s } = await openDom0s(t)
    const meeting = join(dom0s.folder, 'meeting')
    mkdirSync(meeting)
    const wait = `: >${meeting}/$DOM0; n=0; until [ $(ls ${meeting} | wc -l) -eq 4 ]; do n=$((n+1)); [ $n -lt 600 ] || exit 9; sleep 0.1; done`
    const { code, err } = await run('acas*', '--where', 'hypervisor=xen', '--jobs', '4', '--', wait)
    assert.deepEqual([code, err], [0, ''])
  })

  test('never more than --jobs at once', async (t) => {
    const { run, dom0s } = await openDom0s(t)
    const running = join(dom0s.folder, 'running')
    mkdirSync(running)
    const tally = `: >${running}/$DOM0; sleep 0.3; ls ${running} | wc -l; rm ${running}/$DOM0`
    const printed = await run('acas*', '--where', 'hypervisor=xen', '--jobs', '2', '--json', '--', tally)
    const counts = parse(printed).results.map(({ output }) => Number(output))
    assert.equal(counts.length, 4)
    assert.ok(
      counts.every((number) => number >= 1 && number <= 2),
      counts.join(),
    )
  })

  test('the command’s own status, 255 too, is told apart from ssh’s, and exit code 1 names who failed', async (t) => {
    const { run, dom0s } = await openDom0s(t)
    const line = 'echo it broke >&2; case $DOM0 in acas0001) exit 3;; acas0004) exit 255;; acas0007) kill -9 $$;; esac'
    dom0s.writeConfig([
      ...names.slice(0, 3).map((name) => ({ name, address: addresses[name] ?? '', port: dom0s.ports.get(name) ?? 0 })),
      { name: 'acas0010', address: '127.0.0.1', port: await freePort('127.0.0.1') },
    ])
    const { code, out, err } = await run('acas*', '--where', 'hypervisor=xen', '--', line)
    assert.equal(code, 1)
    assert.match(out, /^acas0001 {2}FAILED {2}exit status 3: it broke {2}\d/m)
    assert.match(out, /^acas0004 {2}FAILED {2}exit status 255: it broke {2}\d/m)
    assert.match(out, /^acas0007 {2}FAILED {2}exit status 137: /m)
    assert.match(out, /^acas0010 {2}FAILED {2}no connection: ssh: connect to host .*: Connection refused {2}\d/m)
    assert.deepEqual(err.split('\n').toSorted(), [
      '',
      '  exit status 137: acas0007',
      '  exit status 255: acas0004',
      '  exit status 3: acas0001',
      '  no connection: acas0010',
      'bootstead: failed on 4 of 4 Dom0s:',
    ])
  })

  test('a connection that breaks under the command is ssh’s failure', async (t) => {
    const { run } = await openDom0s(t)
    const killSshd = 'read -r _ _ _ sshd _ </proc/$PPID/stat; kill -9 $sshd; sleep 5'
    const { code, out } = await run('acas0001', '--', killSshd)
    assert.equal(code, 1)
    assert.match(out, /^acas0001 {2}FAILED {2}no connection: .*closed by remote host/)
  })

  test('an unknown and a changed host key are refused though the configuration says otherwise; the line says how to add it', async (t) => {
    const { run, dom0s } = await openDom0s(t)
    const [, second, ...others] = readFileSync(dom0s.knownHosts, 'utf8').trimEnd().split('\n')
    const changed = (second ?? '').replace(/ssh-ed25519 .*/, dom0s.hostKeys.get('acas0001') ?? '')
    const before = `${[changed, ...others].join('\n')}\n`
    writeFileSync(dom0s.knownHosts, before)
    const printed = await run('acas*', '--where', 'hypervisor=xen', '--json', '--', 'echo reached')
    assert.equal(printed.code, 1)
    assert.deepEqual(outcomes(printed), [
      ['acas0001', 'unknown-host-key'],
      ['acas0004', 'changed-host-key'],
      ['acas0007', 'ok'],
      ['acas0010', 'ok'],
    ])
    const [unknown, different] = parse(printed).results
    assert.deepEqual([unknown?.output, different?.output], ['', ''], 'nothing was run there')
    assert.match(unknown?.why ?? '', /ssh-keyscan acas0001/)
    assert.match(different?.why ?? '', /ssh-keygen -R acas0004/)
    assert.equal(readFileSync(dom0s.knownHosts, 'utf8'), before, 'no key is added by itself')
  })

  test('words arrive as they were given, a single one is a line for the shell', async (t) => {
    const { run } = await openDom0s(t)
    const nasty = [
      "it's",
      '$HOME',
      '`id`',
      'a  b',
      '',
      '*',
      '\\',
      '"',
      ';',
      'new\nline',
      '--',
      '-q',
      '--json',
      'é',
      '!!',
    ]
    const words = await run('acas0001', '--json', '--', 'printf', '<%s>\\n', ...nasty)
    assert.equal(parse(words).results[0]?.output, nasty.map((word) => `<${word}>\n`).join(''))
    const line = await run('acas0001', '--json', '--', `printf '<%s>' "it's" a\\ b; exit 0 # the end`)
    assert.equal(parse(line).results[0]?.output, `<it's><a b>`)
  })

  test('the scripts’ folder is on the PATH, standard input is empty, there is no terminal', async (t) => {
    const { run } = await openDom0s(t)
    const printed = await run('acas0001', '--json', '--', 'cat; tty; echo "$PATH"')
    const [tty, path] = (parse(printed).results[0]?.output ?? '').split('\n')
    assert.equal(tty, 'not a tty')
    assert.match(path ?? '', /^\/usr\/local\/sbin:\/usr\/sbin:\/sbin:./)
  })

  test('--timeout ends ssh, and the others are not kept waiting', async (t) => {
    const { run } = await openDom0s(t)
    const line = '[ $DOM0 = acas0004 ] || exec sleep 60'
    const began = Date.now()
    const printed = await run('acas[0001,0004]', '--timeout', '2', '--jobs', '1', '--json', '--', line)
    assert.ok(Date.now() - began < 30_000)
    assert.equal(printed.code, 1)
    assert.deepEqual(outcomes(printed), [
      ['acas0001', 'timeout'],
      ['acas0004', 'ok'],
    ])
    assert.match(printed.err, /^ {2}not done in time: acas0001$/m)
  })

  test('--output prints everything behind the machine’s name, without control characters; a token of the inventory is not shown', async (t) => {
    const { run, cli } = await openDom0s(t)
    cli.write('state/images/el9/vmlinuz', 'kernel')
    cli.write('state/images/el9/initrd.img', 'initrd')
    await cli.ok('machine', 'install', 'acas0002')
    const url = /ks=(\S+token=([\w-]+))/.exec(await cli.ok('show', 'acas0001', 'xen/acas0002_install'))
    const secret = url?.[2] ?? ''
    assert.match(secret, /^[\w-]{22}$/)
    const { out } = await run('acas0001', '--output', '--', 'printf', '%b', `\\033[31mred\\nkernel ks=${secret} on\\n`)
    assert.match(
      out,
      /^acas0001 {2}ok {6}\d+\.\d s\nacas0001 \| \[31mred\nacas0001 \| kernel ks=\(secret\) on\n1 Dom0: /,
    )
  })

  test('--address connects to the inventory’s address and looks the host key up by name', async (t) => {
    const { run, dom0s } = await openDom0s(t)
    dom0s.writeConfig([{ name: 'acas0001', address: 'nosuch.invalid', port: dom0s.ports.get('acas0001') ?? 0 }])
    assert.equal((await run('acas0001', '--', 'true')).code, 1, 'the name leads nowhere')
    assert.match((await run('acas0001', '--address', '--', 'true')).out, /its host key is not known here/)
    writeFileSync(dom0s.knownHosts, `acas0001 ${dom0s.hostKeys.get('acas0001') ?? ''}\n`)
    assert.equal((await run('acas0001', '--address', '--', 'true')).code, 0)
  })

  test('SIGTERM ends every ssh and begins no other', async (t) => {
    const { cli, dom0s } = await openDom0s(t)
    const begun = join(dom0s.folder, 'begun')
    mkdirSync(begun)
    const line = `: >${begun}/$DOM0; exec sleep 60`
    const words = ['--user', user, '--ssh-config', dom0s.config, '--jobs', '2', 'acas*', '--where', 'hypervisor=xen']
    const program = spawn(bootstead, ['dom0', 'run', ...words, '--', line], {
      env: environment(cli),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    t.after(() => program.kill('SIGKILL'))
    const printed = { out: '', err: '' }
    program.stdout.on('data', (chunk: Buffer) => void (printed.out += chunk.toString()))
    program.stderr.on('data', (chunk: Buffer) => void (printed.err += chunk.toString()))
    for (let attempt = 0; attempt < 300 && readdirSync(begun).length < 2; attempt++)
      await new Promise((resolve) => setTimeout(resolve, 100))
    assert.deepEqual(readdirSync(begun), ['acas0001', 'acas0004'], printed.err)
    assert.equal(sshProcesses(dom0s.config).length, 2)
    const exited = new Promise((resolve) => program.once('close', resolve))
    program.kill('SIGTERM')
    assert.equal(await exited, 1)
    assert.deepEqual(sshProcesses(dom0s.config), [])
    assert.match(printed.out, /^acas0001 {2}FAILED {2}interrupted; the command may go on there/m)
    assert.match(printed.err, /^ {2}interrupted: acas\[0001,0004\]\n {2}not begun: acas\[0007,0010\]$/m)
  })
})

/** Command lines of ssh clients that run with this configuration. */
function sshProcesses(config: string): readonly string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')]
      } catch {
        return [] // it has ended
      }
    })
    .filter(([program = '', ...words]) => program === 'ssh' && words.includes(config))
    .map((words) => words.join(' '))
}

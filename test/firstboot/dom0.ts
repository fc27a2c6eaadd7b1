// A Dom0 in a folder: the scripts installed as the kickstart does it, a stub hypervisor, and a server with its guests.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { renderManifest } from '../../server/render/manifest.ts'
import { temporaryFolder } from '../fixtures.ts'

export const scripts = ['xenconf', 'installguest', 'allguests', 'rc.local'] as const
export const firstbootFolder = join(import.meta.dirname, '../../firstboot')
const hostname = 'dom0a'
export const token = 'feedc0de'.repeat(5)

/**
 * What the scripts run under. With busybox its userland as well, and nothing of GNU's but what it lacks; `bsd` is what Debian
 * has of one: posh, the original awk, toybox for the rest with the options that BSD's manuals have, and neither flock nor
 * sha256sum.
 */
export const shells = ['dash', 'bash', 'busybox', 'bsd'] as const
export type Shell = (typeof shells)[number]
/** What drives the hypervisor: Xen 4, Xen 3, KVM. */
type Toolstack = 'xl' | 'xm' | 'virsh'
type Hypervisor = 'xen' | 'kvm'
export const hypervisorOf = (toolstack: Toolstack): Hypervisor => (toolstack === 'virsh' ? 'kvm' : 'xen')

export type Userland = Readonly<{ shell: Shell; toolstack: Toolstack }>
export const plain: Userland = { shell: 'dash', toolstack: 'xl' }
/** Each shell with a toolstack that it meets: every behaviour is seen with all of both. */
export const userlands: readonly (Userland & Readonly<{ name: string }>)[] = [
  plain,
  { shell: 'bash', toolstack: 'virsh' } as const,
  { shell: 'busybox', toolstack: 'xm' } as const,
  { shell: 'bsd', toolstack: 'xl' } as const,
].map((userland) => ({ name: `${userland.shell} with ${userland.toolstack}`, ...userland }))

type Finished = Readonly<{ status: number | null; stdout: string; stderr: string }>
export type Dom0 = Readonly<{
  root: string
  /** What a stub on the PATH does: its name and its text. */
  stub: (name: string, text: string) => void
  toolstack: Toolstack
  /** The hypervisor's state; see stub-toolstack. */
  domains: Readonly<{ folder: string; calls: () => readonly string[]; behave: (guest: string, how: string) => void }>
  run: (script: string, args?: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Finished>
  /** The configurations and kernels in place, by the manifest's names. */
  files: () => Readonly<Record<string, string>>
  /** A guest's configuration (GUEST or GUEST_install): its name in the manifest, and its path. */
  configName: (name: string) => string
  config: (name: string) => string
  path: (relative: string) => string
}>

export function dom0(t: TestContext, { shell, toolstack }: Userland, serverUrl: string, secret = token): Dom0 {
  const [root, outputs] = [temporaryFolder(t), temporaryFolder(t)]
  const [bin, stubs, folder] = [join(root, 'bin'), join(root, 'stubs'), join(root, 'hypervisor')]
  for (const made of [
    bin,
    stubs,
    ...['domains', 'kinds', 'ticks', 'behaviour', 'installed', 'configs'].map((name) => join(folder, name)),
  ])
    mkdirSync(made, { recursive: true })
  linkTools(bin, shell)
  // The real one waits for every disk of the machine that runs the tests.
  rmSync(join(bin, 'sync'), { force: true })
  symlinkSync('/usr/bin/true', join(bin, 'sync'))
  copyFileSync(join(import.meta.dirname, 'stub-toolstack'), join(stubs, toolstack))
  install(root, bin, { serverUrl, secret, hypervisor: hypervisorOf(toolstack) })
  const environment = {
    PATH: shell === 'busybox' || shell === 'bsd' ? `${stubs}:${bin}` : `${stubs}:${bin}:/usr/bin:/bin`,
    BOOTSTEAD_ROOT: root,
    BOOTSTEAD_POLL_SECONDS: '0.1',
    STUB_STATE: folder,
  }
  const calls = join(folder, 'calls')
  const configName = (name: string): string => configNames[hypervisorOf(toolstack)](name)
  return {
    root,
    toolstack,
    stub: (name, text) => writeFileSync(join(stubs, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 }),
    domains: {
      folder,
      calls: () => (existsSync(calls) ? readFileSync(calls, 'utf8').trimEnd().split('\n') : []),
      behave: (guest, how) => writeFileSync(join(folder, 'behaviour', guest), how),
    },
    run: (script, args = [], env = {}) =>
      run(mkdtempSync(join(outputs, 'run-')), join(root, 'usr/local/sbin', script), args, { ...environment, ...env }),
    files: () => ({
      ...contents(join(root, 'etc/xen'), 'xen/'),
      ...contents(join(root, 'etc/bootstead/libvirt'), 'libvirt/'),
      ...contents(join(root, 'var/lib/bootstead/boot'), 'boot/'),
    }),
    configName,
    config: (name) => join(root, toolstack === 'virsh' ? 'etc/bootstead' : 'etc', configName(name)),
    path: (relative) => join(root, relative),
  }
}

/** The manifest's names. */
const configNames = {
  xen: (name) => `xen/${name}`,
  kvm: (name) => `libvirt/${name}.xml`,
} satisfies Record<Hypervisor, (name: string) => string>

function linkTools(bin: string, shell: Shell): void {
  if (shell === 'bsd') return linkBsdTools(bin)
  if (shell !== 'busybox') return symlinkSync(`/usr/bin/${shell}`, join(bin, 'sh'))
  const applets = spawnSync('busybox', ['--list'], { encoding: 'utf8' }).stdout.trim().split('\n')
  for (const applet of applets) symlinkSync('/usr/bin/busybox', join(bin, applet))
  for (const tool of ['curl', 'flock']) symlinkSync(`/usr/bin/${tool}`, join(bin, tool)) // Debian's busybox has no flock
}

/** The options that FreeBSD's manual has, as getopts takes them; GNU's long ones, and options after operands, are errors. */
const bsdOptions: Readonly<Record<string, string>> = {
  ...{ cat: 'belnstuv', chmod: 'fhvR', cmp: 'hilsxz', date: 'jnRur:v:', grep: 'EFHLRcef:hilnoqrsvwx', head: 'n:c:q' },
  ...{ ln: 'LPFfhinsvw', ls: 'ACFHLPRSTUaBcdfghiklmnopqrstuwx1', mkdir: 'pvm:', mkfifo: 'm:', mktemp: 'dp:qt:u' },
  ...{ mv: 'fhinv', ps: 'aCcde:fHhjlmrSTuvwXxZM:N:O:o:p:t:U:', readlink: 'fn', rm: 'dfiIPRrvWx', rmdir: 'pv' },
  ...{ sed: 'aElnrue:f:i:', sleep: '', sort: 'bcCdfghiMmnRrsuVzk:o:S:T:t:', sync: '', tail: 'Ffqrb:c:n:', tee: 'ai' },
  ...{ tr: 'CcdsU', uname: 'abiKmnoprsUv', wc: 'clmwL', basename: 'as:', dirname: '', env: '0iS:u:v' },
}

function linkBsdTools(bin: string): void {
  const script = (tool: string, text: string): void => {
    writeFileSync(join(bin, tool), `#!/usr/bin/dash\n${text}\n`)
    chmodSync(join(bin, tool), 0o755)
  }
  symlinkSync('/usr/bin/posh', join(bin, 'sh'))
  symlinkSync('/usr/bin/original-awk', join(bin, 'awk'))
  symlinkSync('/usr/bin/curl', join(bin, 'curl'))
  for (const tool of ['find', 'kill', 'printf', 'test', '[', 'true']) symlinkSync('/usr/bin/toybox', join(bin, tool))
  for (const [tool, options] of Object.entries(bsdOptions))
    script(
      tool,
      `args="$*"
while getopts '${options}' option; do [ "$option" != '?' ] || { echo "not BSD: ${tool} $args" >&2; exit 64; }; done
options=$((OPTIND - 1)); number=0
for arg; do
  number=$((number + 1))
  case $number:$arg in *:-?*) [ "$number" -le "$options" ] || { echo "not BSD: ${tool} $args" >&2; exit 64; } ;; esac
done
[ ! -e /proc/sys ] || case "$args" in /proc/*) exit 1 ;; esac
exec /usr/bin/${tool === 'tr' ? 'busybox' : 'toybox'} ${tool} "$@"`,
    )
  script('sha256', `[ "$*" = -q ] || exit 64\n/usr/bin/sha256sum | /usr/bin/cut -d' ' -f1`)
  script('sysctl', `[ "$*" = '-nx kern.boot_id' ] || exit 1\necho "$(/usr/bin/cat /proc/sys/kernel/random/boot_id)"`)
}

/** As post-firstboot-dom0.sh does; only the first line names the shell of this test. */
function install(
  root: string,
  bin: string,
  { serverUrl, secret, hypervisor }: Readonly<{ serverUrl: string; secret: string; hypervisor: Hypervisor }>,
): void {
  const sbin = join(root, 'usr/local/sbin')
  for (const folder of [sbin, join(root, 'etc/bootstead'), join(root, 'etc/xen')])
    mkdirSync(folder, { recursive: true })
  for (const script of [...scripts, 'bootstead.sh']) {
    const text = readFileSync(join(firstbootFolder, script), 'utf8')
    writeFileSync(join(sbin, script), text.replace(/^#!.*\n/, `#!${bin}/sh\n`), { mode: 0o755 })
  }
  writeFileSync(
    join(root, 'etc/bootstead/firstboot.conf'),
    `BOOTSTEAD_SERVER='${serverUrl}'\nBOOTSTEAD_HOSTNAME='${hostname}'\nBOOTSTEAD_TOKEN='${secret}'\nBOOTSTEAD_HYPERVISOR='${hypervisor}'\n`,
    { mode: 0o600 },
  )
}

/**
 * In a process group of its own, so that a stub may kill all of it and nothing else. What it prints goes to files: a pipe may
 * still hold words when it has ended, and orphans of a killed script hold it for ever.
 */
async function run(
  folder: string,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Finished> {
  const limited = ['-k', '5', '300', program, ...args] // a script may wait for its server without end
  const paths = [join(folder, 'stdout'), join(folder, 'stderr')]
  const files = paths.map((path) => openSync(path, 'a'))
  const child = spawn('/usr/bin/timeout', limited, { env, detached: true, stdio: ['ignore', ...files] })
  for (const file of files) closeSync(file)
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('exit', resolve)
  })
  const [stdout = '', stderr = ''] = paths.map((path) => readFileSync(path, 'utf8'))
  return { status, stdout, stderr }
}

function contents(folder: string, prefix: string): Record<string, string> {
  if (!existsSync(folder)) return {}
  const files = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => !entry.isDirectory())
  return Object.fromEntries(
    files
      .map((entry): [string, string] => {
        const path = join(entry.parentPath, entry.name)
        return [
          `${prefix}${path.slice(folder.length + 1)}`,
          entry.isSymbolicLink() ? `-> ${readlinkSync(path)}` : readFileSync(path, 'utf8'),
        ]
      })
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

// --- the server ---

export type Farm = {
  url: string
  hypervisor: Hypervisor
  /** By the guest's name: its running configuration, and its install configuration when it is armed. */
  guests: Map<string, Readonly<{ running: string; install: string | null }>>
  images: Map<string, string>
  keep: string[]
  /** Form posts to /events about the Dom0, as `stage: detail`. */
  events: string[]
  /** What the Dom0 reports for its guests. */
  guestEvents: Readonly<{ guest: string; stage: string; detail: string; progress: string | null; console: string }>[]
  requests: string[]
  /** Answers before the farm does, if it answers. */
  intercept: (path: string, response: ServerResponse) => boolean
  /** While a machine asks. */
  onRequest: () => void
  /** Goes away, and comes back at the same port. */
  stop: () => Promise<void>
  start: () => Promise<void>
  manifest: () => string
}

const written = 'Written by xenconf from the inventory: change it there.'
export function runningConfig(guest: string, memory = 512, toolstack: Toolstack = 'xl'): string {
  return toolstack === 'virsh'
    ? `<!-- ${guest}: its running configuration. ${written} -->\n<domain type="kvm">\n  <name>${guest}</name>\n  <memory unit="MiB">${memory}</memory>\n</domain>\n`
    : `# ${guest}: its running configuration. ${written}\nname = "${guest}"\nmemory = ${memory}\n`
}
export function installConfig(guest: string, toolstack: Toolstack = 'xl'): string {
  return toolstack === 'virsh'
    ? `<!-- ${guest}: its install configuration. ${written} -->\n<domain type="kvm">\n  <name>${guest}</name>\n  <os><kernel>/var/lib/bootstead/boot/el9/vmlinuz</kernel></os>\n</domain>\n`
    : `# ${guest}: its install configuration. ${written}\nname = "${guest}"\nkernel = "/var/lib/bootstead/boot/el9/vmlinuz"\n`
}

/** Two armed guests and one that is not, and the image that they install from. */
export async function farm(t: TestContext, toolstack: Toolstack = 'xl'): Promise<Farm> {
  const server = createServer((request, response) => void answer(it, request, response))
  let port = 0
  const start = async (): Promise<void> => {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  }
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  const it: Farm = {
    url: '',
    hypervisor: hypervisorOf(toolstack),
    guests: new Map(
      ['acas1', 'acas2', 'acas3'].map((guest) => {
        const install = guest === 'acas3' ? null : installConfig(guest, toolstack)
        return [guest, { running: runningConfig(guest, 512, toolstack), install }]
      }),
    ),
    images: new Map([
      ['images/el9/vmlinuz', 'a kernel\n'.repeat(9000)],
      ['images/el9/pxeboot/initrd.img', 'an initrd\n'.repeat(9000)],
    ]),
    keep: [],
    events: [],
    guestEvents: [],
    requests: [],
    intercept: () => false,
    onRequest: () => undefined,
    start,
    stop,
    manifest: () => manifestOf(it),
  }
  await start()
  it.url = `http://127.0.0.1:${port}`
  t.after(stop)
  return it
}

/** The guest reported `installed`, as the server then shows it. */
export function disarm(it: Farm, guest: string): void {
  const found = it.guests.get(guest)
  if (found !== undefined) it.guests.set(guest, { ...found, install: null })
}

/** Guests whose stub installer succeeded count as having reported it. */
export function followInstalls(it: Farm, machine: Dom0): void {
  it.onRequest = () => readdirSync(join(machine.domains.folder, 'installed')).forEach((guest) => disarm(it, guest))
}

const pathOf = (it: Farm, name: string): string => `dom0/${hostname}/${configNames[it.hypervisor](name)}`

function filesOf(it: Farm): ReadonlyMap<string, string> {
  const configs = [...it.guests].flatMap(([guest, { running, install }]) => [
    [pathOf(it, guest), running] as const,
    ...(install === null ? [] : [[pathOf(it, `${guest}_install`), install] as const]),
  ])
  return new Map([...configs, ...it.images])
}

function manifestOf(it: Farm): string {
  const entries = [...filesOf(it)].map(([path, text]) => ({
    path,
    sha256: createHash('sha256').update(text).digest('hex'),
  }))
  return renderManifest({
    dom0: hostname,
    files: entries.filter(({ path }) => path.startsWith('dom0/')),
    images: entries.filter(({ path }) => path.startsWith('images/')),
    withheld: it.keep,
  })
}

async function answer(it: Farm, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').slice(1)
  it.requests.push(path)
  it.onRequest()
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += String(chunk)
  if (it.intercept(path, response)) return
  if (request.headers.authorization !== `Bearer ${token}`)
    return void response.writeHead(403).end(`the token is not ${hostname}'s\n`)
  const host = /^events\/(.*)/.exec(path)?.[1]
  if (host !== undefined && request.method === 'POST') {
    const form = new URLSearchParams(body)
    const [stage, detail] = [form.get('stage') ?? '', form.get('detail') ?? '']
    if (host === hostname) it.events.push(`${stage}: ${detail}`)
    else
      it.guestEvents.push({
        guest: host,
        stage,
        detail,
        progress: form.get('progress'),
        console: form.get('console') ?? '',
      })
    return void response.writeHead(202).end('noted\n')
  }
  const text = path === `dom0/${hostname}/manifest` ? it.manifest() : filesOf(it).get(path)
  if (text === undefined) return void response.writeHead(404).end('no such file\n')
  response.end(text)
}

/** What a Dom0 that followed the farm's manifest holds. */
export function expectedFiles(it: Farm): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...filesOf(it)]
      .map(([path, text]): [string, string] => [path.replace(/^dom0\/[^/]+\//, '').replace(/^images\//, 'boot/'), text])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

/** Makes external command number `at` of a script be a power cut: everything that runs dies before it does anything. */
export function cutPowerAt(machine: Dom0, tools: readonly string[], at: number): void {
  const counter = join(machine.root, 'commands')
  writeFileSync(counter, '')
  for (const tool of tools)
    machine.stub(
      tool,
      `echo ${tool} >>'${counter}'\n[ "$(/usr/bin/wc -l <'${counter}')" -lt ${at} ] || kill -9 0\nexec /usr/bin/${tool} "$@"`,
    )
}

export function commandsRun(machine: Dom0): number {
  return readFileSync(join(machine.root, 'commands'), 'utf8').split('\n').length - 1
}

/** Waits for something that `work` brings about; throws when the work ended without it. */
export async function until(condition: () => boolean, work: Promise<Finished>): Promise<void> {
  const endings: Finished[] = []
  void work.then((finished) => endings.push(finished))
  while (!condition()) {
    if (endings.length > 0) throw new Error(`ended too early: ${JSON.stringify(endings)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

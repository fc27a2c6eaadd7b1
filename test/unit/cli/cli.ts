// The command line inside the test's process: its own state folder, its own inventory, and what it printed.
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Io } from '../../../server/cli/io.ts'
import { run } from '../../../server/cli/program.ts'
import { temporaryFolder } from '../../fixtures.ts'

export type Printed = Readonly<{ code: number; out: string; err: string }>

export type Cli = Readonly<{
  folder: string
  /** What its commands are given; what they print is not kept here. */
  io: Io
  /** A file in the folder, to be named by its relative path. */
  write: (path: string, text: string) => string
  run: (words: readonly string[], overrides?: Partial<Io>) => Promise<Printed>
  /** The same for what must work: its output. */
  ok: (...words: readonly string[]) => Promise<string>
  /** The same with --json, parsed. */
  json: (...words: readonly string[]) => Promise<unknown>
}>

/** Later than the database's own clock in any run: its triggers stamp changes by that one. */
export const noon = Date.parse('2096-11-23T12:00:00.000Z')

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A site with a Dom0, its two guests, a stray metal machine, and a template of its own. */
export const farm = `
site: { timezone: Etc/UTC, root_password_hash: "$6$never-shown" }
networks: { farm: { cidr: 192.0.2.0/24, gateway: 192.0.2.254, dns: [192.0.2.1, 192.0.2.2], domain: farm.example.org } }
images: { el9: { arch: x86_64, kernel: vmlinuz, initrd: initrd.img, sha256: { vmlinuz: ${sha256('kernel')}, initrd.img: ${sha256('initrd')} } } }
profiles:
  base: { family: el, version: "9", template: own.ks, image: el9, params: { packages: [vim] } }
  dom0: { parent: base, hypervisor: xen }
machines:
  acas0001: { profile: dom0, vcpus: 8, memory_mib: 16384, disk: sda, interfaces: { eth0: { mac: 00:00:5e:00:53:01, ip: 192.0.2.11, network: farm, bridge: xenbr0 } } }
  acas0002: { profile: base, dom0: acas0001, vdisk: /dev/sda5, memory_mib: 2048, interfaces: { eth0: { ip: 192.0.2.12, network: farm } } }
  acas0003: { profile: base, dom0: acas0001, vdisk: /dev/sda6, memory_mib: 2048, interfaces: { eth0: { ip: 192.0.2.13, network: farm } } }
  web: { profile: base, disk: nvme0n1, notes: "the \\"last\\", of\\nits kind", params: { rack: r12 }, interfaces: { eth0: { mac: 00:00:5e:00:53:02, ip: 192.0.2.14, network: farm }, eth0.30: { vlan: 30 } } }
`

export function openCli(t: TestContext): Cli {
  const folder = temporaryFolder(t)
  const write = (path: string, text: string): string => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
    return path
  }
  write('templates/own.ks', 'install\n')
  const io: Io = {
    out: () => undefined,
    err: () => undefined,
    readStdin: () => Promise.resolve(''),
    confirm: null,
    askSecret: null,
    isTerminal: false,
    screen: () => null,
    env: {
      BOOTSTEAD_STATE: join(folder, 'state'),
      BOOTSTEAD_TEMPLATES: join(folder, 'templates'),
      BOOTSTEAD_ADVERTISE: '192.0.2.1',
    },
    cwd: folder,
    home: folder,
    isRoot: false,
    username: 'operator',
    interfaces: () => ({}),
    now: () => noon,
    wait: () => Promise.reject(new Error('a command that waits is given a clock by its test')),
    stoppable: (work) => work(new AbortController().signal),
  }
  const runIn: Cli['run'] = async (words, overrides = {}) => {
    const printed = { out: '', err: '' }
    const out = (text: string): void => void (printed.out += text)
    const err = (text: string): void => void (printed.err += text)
    return { code: await run(words, { ...io, out, err, ...overrides }), ...printed }
  }
  const ok: Cli['ok'] = async (...words) => {
    const { code, out, err } = await runIn(words)
    if (code !== 0) throw new Error(`bootstead ${words.join(' ')}: exit code ${code}\n${err}`)
    return out
  }
  return {
    folder,
    io,
    write,
    run: runIn,
    ok,
    json: async (...words) => JSON.parse(await ok(...words, '--json')) as unknown,
  }
}

/** With the farm imported. */
export async function openFarm(t: TestContext): Promise<Cli> {
  const cli = openCli(t)
  await cli.ok('import', cli.write('farm.yaml', farm))
  return cli
}

/** The same with the image's files where the inventory says they are. */
export async function openInstallableFarm(t: TestContext): Promise<Cli> {
  const cli = await openFarm(t)
  cli.write('state/images/el9/vmlinuz', 'kernel')
  cli.write('state/images/el9/initrd.img', 'initrd')
  return cli
}

// Real sshds on loopback that stand for Dom0s, each with a host key of its own; and what an administrator's ssh needs to
// know of them. Nothing of the host's own ssh is read, written or started.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { temporaryFolder } from '../fixtures.ts'

export type Dom0s = Readonly<{
  folder: string
  /** Of the ssh configuration that leads to them and knows their host keys. */
  config: string
  knownHosts: string
  /** `Host` blocks: name, and how it is reached. */
  writeConfig: (hosts: readonly Readonly<{ name: string; address: string; port: number }>[]) => void
  ports: ReadonlyMap<string, number>
  /** `ssh-ed25519 AAAA…` */
  hostKeys: ReadonlyMap<string, string>
}>

export const user = userInfo().username

/** `addresses`: of loopback, by name. Each session has its name in DOM0. */
export async function startDom0s(t: TestContext, addresses: Readonly<Record<string, string>>): Promise<Dom0s> {
  const program = '/usr/sbin/sshd'
  if (!existsSync(program)) throw new Error('sshd is missing: scripts/packages.sh openssh-server')
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 }) // where sshd locks itself in
  const folder = temporaryFolder(t)
  const key = (name: string): string => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(folder, name)])
    return readFileSync(join(folder, `${name}.pub`), 'utf8').trim()
  }
  writeFileSync(join(folder, 'authorized_keys'), `${key('admin')}\n`)
  const ports = new Map<string, number>()
  const hostKeys = new Map<string, string>()
  for (const [name, address] of Object.entries(addresses)) {
    hostKeys.set(name, key(name).split(' ').slice(0, 2).join(' '))
    const port = await freePort(address)
    ports.set(name, port)
    writeFileSync(join(folder, `${name}.conf`), sshdConfig(folder, name, address, port))
    const server = spawn(program, ['-D', '-e', '-f', join(folder, `${name}.conf`)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const said: string[] = []
    server.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()))
    t.after(() => server.kill('SIGTERM'))
    await listening(address, port, () => said.join(''))
  }
  const [config, knownHosts] = [join(folder, 'ssh_config'), join(folder, 'known_hosts')]
  const writeConfig: Dom0s['writeConfig'] = (hosts) => writeFileSync(config, clientConfig(folder, knownHosts, hosts))
  const hosts = [...ports].map(([name, port]) => ({ name, address: addresses[name] ?? '', port }))
  writeConfig(hosts)
  const known = hosts.map(({ name, address, port }) => `[${address}]:${port} ${hostKeys.get(name) ?? ''}\n`)
  writeFileSync(knownHosts, known.join(''))
  return { folder, config, knownHosts, writeConfig, ports, hostKeys }
}

const sshdConfig = (folder: string, name: string, address: string, port: number): string => `
ListenAddress ${address}:${port}
HostKey ${join(folder, name)}
AuthorizedKeysFile ${join(folder, 'authorized_keys')}
SetEnv DOM0=${name}
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
PermitUserRC no
PidFile none
`

/** Of an administrator who asks for much that must not get in the way of many connections at once. */
const clientConfig = (
  folder: string,
  knownHosts: string,
  hosts: readonly Readonly<{ name: string; address: string; port: number }>[],
): string =>
  [
    ...hosts.map(({ name, address, port }) => `Host ${name}\n  HostName ${address}\n  Port ${port}`),
    'Host *',
    `  IdentityFile ${join(folder, 'admin')}`,
    '  IdentitiesOnly yes',
    '  IdentityAgent none',
    `  UserKnownHostsFile ${knownHosts}`,
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking no',
    '  ControlMaster auto',
    `  ControlPath ${join(folder, 'control-%C')}`,
    '  ControlPersist 600',
    '  RemoteCommand uptime',
    '  RequestTTY force',
    '',
  ].join('\n')

/** A port on which nobody listens now. */
export async function freePort(address: string): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function listening(address: string, port: number, said: () => string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, address)
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`sshd does not listen on ${address}:${port}\n${said()}`)
}

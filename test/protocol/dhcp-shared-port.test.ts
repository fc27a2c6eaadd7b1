// Another server on port 67 of the same host: what its start and ours do to each other, and who is told.
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test, type TestContext } from 'node:test'
import { ended } from '../boot/network.ts'
import { requireHostFiles } from '../boot/packages.ts'
import { temporaryFolder } from '../fixtures.ts'
import type { LabHost, ServedLab } from './dhcp-lab.ts'
import { openLab, serveDhcp } from './dhcp-lab.ts'
import { startClient } from './dhcp-programs.ts'

const inventory = `
networks: {farm: {cidr: 192.0.2.0/24}}
profiles: {p: {}}
machines:
  a: {profile: p, interfaces: {eth0: {mac: 00:00:5e:00:53:0a, ip: 192.0.2.10, network: farm}}}
`

type Site = Readonly<{ server: LabHost; client: LabHost; folder: string }>

async function openSite(t: TestContext): Promise<Site> {
  requireHostFiles([
    { file: 'dhcpd', debian: 'isc-dhcp-server' },
    { file: 'dnsmasq', debian: 'dnsmasq-base' },
    { file: 'udhcpc', debian: 'udhcpc' },
  ])
  const lab = await openLab()
  t.after(lab.close)
  const server = await lab.addHost({ farm0: 'farm 192.0.2.1/24', guests0: 'guests 198.51.100.1/24' })
  const client = await lab.addHost({ eth0: 'farm' })
  await client.ip('link set eth0 address 00:00:5e:00:53:0a')
  return { server, client, folder: temporaryFolder(t) }
}

/** Resolves when the daemon says on stderr that it has begun. */
async function start(t: TestContext, host: LabHost, words: readonly string[], begun: RegExp): Promise<ChildProcess> {
  const [command = '', ...rest] = words
  const child = host.spawn(command, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
  t.after(() => ended(child))
  if (child.stderr === null) assert.fail('no stderr')
  const said: string[] = []
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line)
    if (begun.test(line)) {
      child.stderr.resume()
      return child
    }
  }
  return assert.fail(`${command} ended:\n${said.join('\n')}`)
}

const dnsmasq = (folder: string, ...more: readonly string[]): readonly string[] => [
  ...['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', '--pid-file', `--dhcp-leasefile=${folder}/leases`],
  ...more,
]

async function startDhcpd(t: TestContext, { server, folder }: Site): Promise<ChildProcess> {
  const [conf, leases] = [join(folder, 'dhcpd.conf'), join(folder, 'dhcpd.leases')]
  await writeFile(conf, 'subnet 192.0.2.0 netmask 255.255.255.0 {}\n')
  await writeFile(leases, '')
  return start(
    t,
    server,
    ['dhcpd', '-4', '-f', '-d', '--no-pid', '-cf', conf, '-lf', leases, 'farm0'],
    /Server starting/,
  )
}

const isWarning = ({ msg }: Readonly<{ msg: string }>): boolean => msg.startsWith('dhcp: another program has this port')

async function serve(t: TestContext, { server }: Site): Promise<ServedLab> {
  const served = await serveDhcp(server, inventory)
  t.after(served.close)
  return served
}

const doctor = ({ server }: Site, stateDir: string): Promise<string> =>
  server.run(join(import.meta.dirname, '../../bin/bootstead'), ['doctor', '--state', stateDir])

describe('port 67 of a host', () => {
  test('dhcpd shares it: the log names it, doctor too, and a machine gets and renews its lease from us all the same', async (t) => {
    const site = await openSite(t)
    const dhcpd = await startDhcpd(t, site)
    const served = await serve(t, site)
    const { programs, port } = await served.logged(isWarning)
    assert.deepEqual([programs, port], [[`dhcpd (process ${dhcpd.pid})`], 67])
    const said = await doctor(site, served.stateDir)
    assert.match(
      said,
      new RegExp(
        `^advice: UDP port 67: dhcpd \\(process ${dhcpd.pid}\\) and bootstead \\(process \\d+\\) have it$`,
        'm',
      ),
    )
    const client = await startClient(site.client, 'udhcpc')
    t.after(client.close)
    await client.said(/^bound 192\.0\.2\.10$/)
    client.process.kill('SIGUSR1')
    await client.said(/^renew 192\.0\.2\.10$/)
  })

  test('a second server of ours shares it, and tells of the first', async (t) => {
    const site = await openSite(t)
    const first = await serve(t, site)
    assert.match(await doctor(site, first.stateDir), /^nothing to mend$/m)
    const second = await serve(t, site)
    const { programs } = await second.logged(isWarning)
    assert.deepEqual(programs, [`bootstead (process ${first.process.pid})`])
  })

  test('dnsmasq for all interfaces does not: we don’t start beside it, nor it beside us, and each says why', async (t) => {
    const site = await openSite(t)
    const words = dnsmasq(site.folder, '--dhcp-range=192.0.2.50,192.0.2.60')
    const running = await start(t, site.server, words, /IP range/)
    await assert.rejects(
      serve(t, site),
      /listen for DHCP on 0\.0\.0\.0 port 67: .*another program has that port: stop it/,
    )
    assert.match(
      await doctor(site, site.folder),
      new RegExp(`UDP port 67: dnsmasq \\(process ${running.pid}\\) has it`),
    )
    await ended(running)
    await serve(t, site)
    await assert.rejects(start(t, site.server, words, /IP range/), /Address already in use/)
  })

  test('dnsmasq for an interface of its own, as libvirt starts it, and we serve each our own', async (t) => {
    const site = await openSite(t)
    const own = ['--bind-dynamic', '--interface=guests0', '--except-interface=lo']
    await start(
      t,
      site.server,
      dnsmasq(site.folder, ...own, '--dhcp-range=198.51.100.50,198.51.100.60'),
      /bound exclusively/,
    )
    const served = await serve(t, site)
    await served.logged(isWarning)
    const client = await startClient(site.client, 'udhcpc')
    t.after(client.close)
    await client.said(/^bound 192\.0\.2\.10$/)
  })
})

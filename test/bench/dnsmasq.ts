// The peer for starts and changes: dnsmasq with a hosts file of the same farm, told of a change by SIGHUP.
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hostnameOf, ipOf, macOf } from './farm.ts'
import { serverAddress } from './dhcp-client.ts'

type Dnsmasq = Readonly<{
  /** Writes the hosts file with one address changed, and says so. */
  change: (index: number, address: string) => void
  pid: number
  stop: () => Promise<void>
}>

export function startDnsmasq(folder: string, count: number): Dnsmasq {
  mkdirSync(folder, { recursive: true })
  const hosts = join(folder, 'hosts')
  const lines = Array.from({ length: count }, (_, index) => lineOf(index + 1, ipOf(index + 1)))
  writeFileSync(hosts, lines.join(''))
  const options = [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--port=0',
    '--log-facility=-',
    '--quiet-dhcp',
    '--user=root',
    `--pid-file=${join(folder, 'pid')}`,
    `--listen-address=${serverAddress}`,
    '--bind-dynamic',
    '--leasefile-ro',
    '--dhcp-range=198.18.0.0,static,255.254.0.0',
    '--dhcp-lease-max=1000000',
    `--dhcp-hostsfile=${hosts}`,
    '--dhcp-boot=shimx64.efi',
  ]
  const child = spawn('taskset', ['-c', '0', 'dnsmasq', ...options], { stdio: ['ignore', 'ignore', 'ignore'] })
  return {
    pid: child.pid ?? 0,
    change: (index, address) => {
      lines[index - 1] = lineOf(index, address)
      writeFileSync(hosts, lines.join(''))
      child.kill('SIGHUP')
    },
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.kill('SIGTERM')
      }),
  }
}

const lineOf = (index: number, address: string): string => `${macOf(index)},${address},${hostnameOf(index)}\n`

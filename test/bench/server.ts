// The compiled server as its own process, with what the kernel says it used.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { serverAddress } from './dhcp-client.ts'
import { root } from './farm.ts'

export type BenchServer = Readonly<{
  port: number
  /** From the start of the process to its first right answer. */
  firstAnswerSeconds: number
  cpuSeconds: () => number
  /** Resident now, and the most it ever was. */
  memoryMiB: () => Readonly<{ now: number; peak: number }>
  stop: () => Promise<void>
}>

const ticksPerSecond = 100 // USER_HZ on every Linux that Node runs on

/**
 * Starts `bootstead serve` with HTTP and DHCP on one processor, other doors as said; `answered` tells when it has an answer.
 * Without it: when `path` is answered with 200.
 */
export async function startBenchServer(
  inventory: string,
  state: string,
  path: string,
  answered?: () => Promise<unknown>,
  doors: readonly string[] = ['--no-tftp', '--no-admin'],
): Promise<BenchServer> {
  const port = await freePort()
  const began = process.hrtime.bigint()
  const args = [
    'serve',
    '--inventory',
    inventory,
    '--state',
    state,
    '--advertise',
    serverAddress,
    '--http-port',
    String(port),
    ...doors,
    '--no-verify-address',
    '--log-level',
    'error',
  ]
  const child = spawn('taskset', ['-c', '0', 'bin/bootstead', ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, BOOTSTEAD_DIST: '1' },
  })
  await (answered === undefined ? untilAnswered(child, `http://127.0.0.1:${port}${path}`) : answered())
  const firstAnswerSeconds = Number(process.hrtime.bigint() - began) / 1e9
  const pid = child.pid ?? 0
  return {
    port,
    firstAnswerSeconds,
    cpuSeconds: () => cpuOf(pid),
    memoryMiB: () => memoryOf(pid),
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.kill('SIGTERM')
      }),
  }
}

async function untilAnswered(child: ChildProcess, url: string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`)
    const status = await fetch(url).then(
      (response) => response.status,
      () => 0,
    )
    if (status === 200) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

export function memoryOf(pid: number): Readonly<{ now: number; peak: number }> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kib = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0)
  return { now: Math.round(kib('VmRSS') / 1024), peak: Math.round(kib('VmHWM') / 1024) }
}

export async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

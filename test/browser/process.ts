// `bootstead serve` as its own process on free loopback ports, with the sample farm in its inventory.
import { execFile, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'

const root = join(import.meta.dirname, '../..')

type ServerProcess = Readonly<{
  /** Of pages and API. */
  url: string
  /** At which the first administrator comes in. */
  link: string
  stop: () => Promise<void>
}>

export type SampleFarm = Readonly<{
  /** Runs the command line on it. @throws with what it said when it fails */
  bootstead: (...words: readonly string[]) => Promise<string>
  serve: () => Promise<ServerProcess>
}>

/** By that link, as the administrator alice. */
export async function comeIn(page: Page, link: string): Promise<void> {
  await page.goto(link)
  await page.getByLabel('Name').fill('alice')
  await page.getByLabel('New password').fill('a few easy words')
  await page.getByLabel('The same again').fill('a few easy words')
  await page.getByRole('button', { name: 'Come in' }).click()
  await page.getByRole('heading', { name: 'Health' }).waitFor()
}

type Ports = Readonly<Record<'http' | 'dhcp' | 'tftp' | 'admin', number>>

/** Whatever is free. */
const anyPorts: Ports = { http: 0, dhcp: 0, tftp: 0, admin: 0 }

/** @param inventory the address of a store; @param more lines of the configuration */
export async function sampleFarm(
  folder: string,
  inventory: string,
  ports: Ports = anyPorts,
  more = '',
): Promise<SampleFarm> {
  mkdirSync(folder, { recursive: true })
  const config = join(folder, 'bootstead.yaml')
  writeFileSync(
    config,
    `state: .
inventory: ${inventory}
listen: 127.0.0.1
advertise: 192.0.2.1
http_port: ${ports.http}
dhcp_port: ${ports.dhcp}
tftp_port: ${ports.tftp}
admin_port: ${ports.admin}
verify_address: false
log_format: text
${more}`,
  )
  const program = join(root, 'bin/bootstead')
  const bootstead = async (...words: readonly string[]): Promise<string> =>
    (await promisify(execFile)(program, ['--config', config, ...words], { cwd: root })).stdout
  await bootstead('import', 'samples/farm.yaml')
  return {
    bootstead,
    serve: async () => {
      const child = spawn(program, ['--config', config, 'serve'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      const said = await new Promise<string>((resolve, reject) => {
        let text = ''
        const hear = (chunk: Buffer): void => {
          text += chunk.toString()
          if (text.includes(' serving ') && text.includes('/invitation?token=')) resolve(text)
        }
        child.stdout.on('data', hear)
        child.stderr.on('data', hear)
        void ended.then(() => reject(new Error(`bootstead serve ended: ${text}`)))
      })
      const [, url = '', path = ''] = /(http:\/\/127\.0\.0\.1:\d+)(\/invitation\?token=\S+)/.exec(said) ?? []
      return {
        url,
        link: url + path,
        stop: async () => {
          child.kill('SIGTERM')
          await ended
        },
      }
    },
  }
}

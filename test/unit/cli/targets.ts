// A farm whose files are generated into folders of the test's own, and what is found there.
import { chmodSync, existsSync, lstatSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { TestContext } from 'node:test'
import { requireHostFiles } from '../../boot/packages.ts'
import type { Cli } from './cli.ts'
import { openInstallableFarm } from './cli.ts'

export type Site = Cli &
  Readonly<{
    /** How often each reload command ran: `isc isc dnsmasq`. */
    told: () => readonly string[]
    /** Everything in a folder of the test: path to inode, time and text of each file. */
    filesIn: (folder: string) => ReadonlyMap<string, Readonly<{ ino: number; mtimeMs: number; text: string }>>
  }>

const requireCheckers = (): void =>
  requireHostFiles([
    { file: 'dhcpd', debian: 'isc-dhcp-server' },
    { file: 'kea-dhcp4', debian: 'kea-dhcp4-server' },
    { file: 'dnsmasq', debian: 'dnsmasq-base' },
    { file: 'grub-script-check', debian: 'grub-common' },
  ])

/** @param targets YAML of the setting; `TELL` in it is a command that notes that it ran, with its argument, and succeeds */
export async function openSite(t: TestContext, targets: string): Promise<Site> {
  requireCheckers()
  const cli = await openInstallableFarm(t)
  const notes = join(cli.folder, 'told')
  const tell = join(cli.folder, 'tell')
  writeFileSync(
    tell,
    `#!/bin/sh\necho "$1" >> ${notes}\nif [ -e ${cli.folder}/deaf ]; then echo no such unit; exit 5; fi\n`,
  )
  chmodSync(tell, 0o755)
  cli.write('bootstead.yaml', `targets:\n${targets.replaceAll('TELL', tell)}`)
  return {
    ...cli,
    told: () => (existsSync(notes) ? readFileSync(notes, 'utf8').trimEnd().split('\n') : []),
    filesIn: (folder) => filesIn(join(cli.folder, folder)),
  }
}

function filesIn(folder: string): ReturnType<Site['filesIn']> {
  if (!existsSync(folder)) return new Map()
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(
    entries.map(({ parentPath, name }) => {
      const place = join(parentPath, name)
      const { ino, mtimeMs } = lstatSync(place)
      return [relative(folder, place), { ino, mtimeMs, text: readFileSync(place, 'utf8') }] as const
    }),
  )
}

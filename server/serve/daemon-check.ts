// A DHCP daemon's own checker, on all that it would read if the new generation were published.
import { readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { TextFile } from '../render/daemons/check.ts'
import { checkFiles, checkers, isCopied } from '../render/daemons/check.ts'
import type { DaemonName } from '../render/targets.ts'
import type { Check } from './disk/check.ts'
import { commandCheck } from './disk/check.ts'
import type { Place } from './generate.ts'
import { withConfigTest } from './kea-check.ts'

/** A checker reads some hundred thousand lines in seconds; one that hangs is not waited for. */
const timeoutMs = 120_000

/** @throws Error when the site's main file can't be read */
export function daemonCheck(daemon: DaemonName, { main, folder, controlSocket }: Place): Check {
  const published = join(folder, 'current')
  const checker = commandCheck({ ...checkers[daemon], timeoutMs }, (root, scratch) =>
    checkFiles(daemon, { root, published }, scratch, main === null ? null : readMain(main), copiedFrom(daemon, root)),
  )
  const check = daemon === 'kea' && controlSocket !== null ? withConfigTest(checker, controlSocket) : checker
  return async (root, scratch) => {
    const verdict = await check(root, scratch)
    return verdict.ok || main === null ? verdict : { ...verdict, output: namingMain(verdict.output, scratch, main) }
  }
}

/** What was checked is a copy, with the same lines. */
const namingMain = (output: string, scratch: string, main: string): string =>
  output.replaceAll(/[^\s("]+\/main-\d+/g, (copy) => (copy.startsWith(`${scratch}/`) ? main : copy))

function* copiedFrom(daemon: DaemonName, root: string): Generator<TextFile> {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const place = join(entry.parentPath, entry.name)
    const path = relative(root, place)
    if (entry.isFile() && isCopied(daemon, path)) yield { path, text: readFileSync(place, 'utf8') }
  }
}

function readMain(main: string): string {
  try {
    return readFileSync(main, 'utf8')
  } catch (cause) {
    throw new Error(`${main}, the daemon's own configuration, can't be read to be checked`, { cause })
  }
}

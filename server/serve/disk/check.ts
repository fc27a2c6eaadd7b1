// The daemon's own checker, on what is about to be published, and whose lines it complains about.
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DiskFile } from '../../render/files.ts'
import type { Command } from './command.ts'
import { runCommand } from './command.ts'
import { makeFolder, writeNew } from './durable.ts'
import { incomingOf, machineAtLine } from './incoming.ts'
import type { SectionIndex } from './manifest.ts'

export type CheckVerdict = Readonly<{ ok: true }> | Readonly<{ ok: false; output: string }>

export type Blamed = Readonly<{
  /** In the target's folder. */
  path: string
  line: number
  machine: string | null
  /** The checker's own line. */
  complaint: string
}>

/**
 * @param root the folder that shows the new generation, complete and not yet published
 * @param scratch where the check may write files of its own: not there yet, and removed afterwards
 */
export type Check = (root: string, scratch: string) => Promise<CheckVerdict>

/**
 * Runs a checker. Of its arguments `{folder}` becomes the generation's folder and `{main}` the file `main` of the scratch
 * folder.
 * @param beside what the checker reads beside the generation: the daemon's own configuration, or a stand-in for it
 */
export function commandCheck(
  command: Command,
  beside: ((root: string, scratch: string) => Iterable<DiskFile>) | null,
): Check {
  return async (root, scratch) => {
    if (beside !== null) writeScratch(scratch, beside(root, scratch))
    const main = join(scratch, 'main')
    const argv = command.argv.map((word) => word.replaceAll('{folder}', root).replaceAll('{main}', main))
    const { ok, how, output } = await runCommand({ ...command, argv })
    return ok ? { ok } : { ok, output: `${output.trimEnd()}\n${command.argv.join(' ')}: ${how}\n`.trimStart() }
  }
}

function writeScratch(scratch: string, files: Iterable<DiskFile>): void {
  mkdirSync(scratch, { recursive: true })
  for (const file of files) {
    const { path, bytes } = incomingOf(file)
    makeFolder(dirname(join(scratch, path)), new Set())
    writeNew(join(scratch, path), bytes())
  }
}

/** How checkers name a place; each as its program printed it. */
const places: readonly Readonly<{ pattern: RegExp; source: string }>[] = [
  {
    pattern: /(?<file>\/\S+) line (?<line>\d+): /g,
    source: 'isc-dhcp 4.4.3: "/F/hosts.conf line 2: expecting semicolon."',
  },
  {
    pattern: /(?<file>\/[^\s:()]+):(?<line>\d+)[:.]\d+/g,
    source: 'kea 2.2.0: "(/F/res.json:2:1)", "/F/res.json:2.15-33: syntax error"',
  },
  { pattern: /at line (?<line>\d+) of (?<file>\/\S+)/g, source: 'dnsmasq 2.90: "bad option at line 2 of /F/d.conf"' },
]

/**
 * Whose lines a checker complains about. A line of a file in the scratch folder is that of the same file in the generation.
 * @param indexOf the sections of a file that is about to be published, by its path in the generation
 */
export function blameLines(
  output: string,
  root: string,
  scratch: string,
  indexOf: (path: string) => SectionIndex,
): readonly Blamed[] {
  const blamed = new Map<string, Blamed>()
  for (const complaint of output.split('\n'))
    for (const { pattern } of places)
      for (const { groups } of complaint.matchAll(pattern)) {
        const { file = '', line = '' } = groups ?? {}
        const folder = [root, scratch].find((one) => file.startsWith(`${one}/`))
        const path = folder === undefined ? '' : file.slice(folder.length + 1)
        if (path === '' || !existsSync(join(root, path))) continue
        const machine = machineAtLine(readFileSync(join(root, path)), indexOf(path), Number(line))
        blamed.set(`${path}:${line}`, { path, line: Number(line), machine, complaint: complaint.trim() })
      }
  return [...blamed.values()]
}

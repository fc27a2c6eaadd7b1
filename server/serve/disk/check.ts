// The daemon's own checker, on what is about to be published, and whose lines it complains about.
import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { CheckFile } from '../../render/daemons/check.ts'
import type { Command } from './command.ts'
import { runCommand } from './command.ts'
import { breathing, makeFolder, writeNew } from './durable.ts'
import { machineAtLine } from './incoming.ts'
import type { SectionIndex } from './manifest.ts'

export type CheckVerdict =
  /** `note`: what could not be asked, when that alone is no reason to refuse. */
  Readonly<{ ok: true; note?: string }> | Readonly<{ ok: false; output: string }>

export type Blamed = Readonly<{
  /** In the target's folder; null when the checker names no place, but the machine by its MAC or address. */
  path: string | null
  line: number | null
  machine: string | null
  /** The checker's own line. */
  complaint: string
}>

/**
 * @param root the folder that shows the new generation, not yet published: as a folder it is complete, file by file it has
 * what changes
 * @param scratch where the check may write files of its own: not there yet, and removed afterwards
 */
export type Check = (root: string, scratch: string) => Promise<CheckVerdict>

/**
 * Runs a checker, once with each main file, until it refuses. Of its arguments `{folder}` becomes the generation's folder
 * and `{main}` the main file.
 * @param beside what the checker reads beside the generation: the daemon's own configuration, or a stand-in for it
 */
export function commandCheck(command: Command, beside: (root: string, scratch: string) => Iterable<CheckFile>): Check {
  return async (root, scratch) => {
    for (const main of await writeScratch(scratch, beside(root, scratch))) {
      const argv = command.argv.map((word) => word.replaceAll('{folder}', root).replaceAll('{main}', main))
      const { ok, how, output } = await runCommand({ ...command, argv })
      if (!ok) return { ok, output: `${output.trimEnd()}\n${command.argv[0] ?? ''}: ${how}\n`.trimStart() }
    }
    return { ok: true }
  }
}

/** The main files among them. */
async function writeScratch(scratch: string, files: Iterable<CheckFile>): Promise<readonly string[]> {
  const breathe = breathing()
  const folders = new Set<string>()
  const mains: string[] = []
  for (const { kind, path, text } of files) {
    await breathe()
    const place = join(scratch, path)
    makeFolder(dirname(place), folders)
    writeNew(place, Buffer.from(text))
    if (kind === 'main') mains.push(place)
  }
  return mains
}

/** How checkers name a place in our files, by their paths in the generation; each as its program printed it. */
const places: readonly Readonly<{ pattern: RegExp; source: string }>[] = [
  {
    pattern: /(?<path>\S+) line (?<line>\d+): /g,
    source: 'isc-dhcp 4.4.3: "/F/hosts.conf line 2: expecting semicolon."',
  },
  {
    pattern: /(?<path>[^\s:()]+):(?<line>\d+)[:.]\d+/g,
    source: 'kea 2.2.0: "(/F/res.json:2:1)", "/F/res.json:2.15-33: syntax error"',
  },
  { pattern: /at line (?<line>\d+) of (?<path>\S+)/g, source: 'dnsmasq 2.90: "bad option at line 2 of /F/d.conf"' },
]

/** What a checker said, with paths as they are in the generation: its folder is gone when somebody reads this. */
export const withoutFolders = (output: string, root: string, scratch: string): string =>
  output.replaceAll(`${root}/`, '').replaceAll(`${scratch}/`, '')

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
  for (const complaint of withoutFolders(output, root, scratch).split('\n'))
    for (const { pattern } of places)
      for (const { groups } of complaint.matchAll(pattern)) {
        const { path = '', line = '' } = groups ?? {}
        if (statSync(join(root, path), { throwIfNoEntry: false })?.isFile() !== true) continue
        const machine = machineAtLine(readFileSync(join(root, path)), indexOf(path), Number(line))
        blamed.set(`${path}:${line}`, { path, line: Number(line), machine, complaint: complaint.trim() })
      }
  return [...blamed.values()]
}

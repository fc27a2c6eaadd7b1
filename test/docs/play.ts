// Plays one document in the scene it is started in (scene.sh): its blocks in order, in one shell. Prints a line of JSON for each.
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { startMariaDb } from '../mariadb.ts'
import type { Block } from './blocks.ts'
import { blocksOf, commandsOfConsole } from './blocks.ts'
import { differenceOf } from './compare.ts'
import type { Picture } from './pictures.ts'
import { picturesOf, takePicture } from './pictures.ts'
import { scenes } from './scenes.ts'
import type { Run, Shell } from './shell.ts'
import { commandsOf, openShell } from './shell.ts'

/** `problem` null: as the document says. */
export type Played = Readonly<{ line: number; problem: string | null }>

/** For the daemon or program that reads such a file; a part of a main file is added to it. */
const checkers: readonly (readonly [RegExp, (file: string) => readonly string[]])[] = [
  [/\/bootstead\.yaml$/, () => ['bootstead', 'config']],
  [/\/dhcpd\.conf$/, (file) => ['dhcpd', '-t', '-cf', file]],
  [/\/kea-dhcp4\.conf$/, (file) => ['kea-dhcp4', '-t', file]],
  [/\/dnsmasq\.conf$/, (file) => ['dnsmasq', '--test', '-C', file]],
  [/\/radvd\.conf$/, (file) => ['radvd', '-c', '-C', file]],
  [
    /\.ks$/,
    (file) => [
      'bootstead',
      'show',
      `$(bootstead machine list profile=${basename(dirname(file))} | awk 'NR == 2 { print $1 }')`,
      'kickstart',
    ],
  ],
  [/\.(?:service|socket|timer)$/, (file) => ['systemd-analyze', 'verify', '--man=no', file]],
]

/** The folder that pictures are wanted in, outside of the scene. */
const photographs = process.env['BOOTSTEAD_PICTURES']

const checkout = process.cwd()
const [, , document = ''] = process.argv
const markdown = readFileSync(join(checkout, document), 'utf8')
const { database, setUp } = scenes[document] ?? { database: null, setUp: '' }

const mariadb = database === null ? null : await startMariaDb(['--port=3306', ...database])
if (mariadb !== null) spawnSync('ln', ['-s', mariadb.sql('SELECT @@socket').trim(), '/run/mysqld/mysqld.sock'])

const shell = openShell(checkout, {
  PATH: `${checkout}/test/docs/stand-ins:${checkout}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
  BOOTSTEAD_DIST: '1',
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
})

let last: Run | null = null
await every(commandsOf(setUp), 'before the document')
const pictures = [...picturesOf(markdown)]
for (const block of blocksOf(markdown)) {
  while (photographs !== undefined && (pictures[0]?.line ?? Infinity) < block.line)
    await photograph(pictures.shift(), photographs)
  if (block.treatment.kind === 'not run') continue
  let problem: string | null = null
  try {
    await play(block)
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error)
  }
  const played: Played = { line: block.line, problem }
  process.stdout.write(`${JSON.stringify(played)}\n`)
}
await mariadb?.stop()
shell.end()
process.exit(0)

async function photograph(picture: Picture | undefined, folder: string): Promise<void> {
  if (picture === undefined) return
  const password = 'correct horse battery'
  await shell.run(
    `BOOTSTEAD_CONFIG=$PWD/.demo/bootstead.yaml bootstead user add alice --role admin --password-stdin <<<'${password}'`,
  )
  await takePicture(picture, folder, password)
}

async function play(block: Block): Promise<void> {
  const file = /^(?:#|\/\/|\{#) (\/[^\s,]+)/.exec(block.text)?.[1]
  switch (block.language) {
    case 'sh':
      return playCommands(block, shell)
    case 'console':
      return playConsole(block)
    case 'text':
      return compare(last, block.text)
    case 'sql':
      return queries(block.text)
    case 'json':
      return void JSON.parse(block.text)
    default:
      if (file !== undefined) return writeAndCheck(file, block.text)
      if (block.language === 'yaml') return inventory(block.text)
      throw new Error(
        `a block of ${block.language}: name the file on its first line (# /etc/…), or say why it is not run`,
      )
  }
}

async function playCommands({ text, treatment }: Block, { begin }: Shell): Promise<void> {
  if (treatment.kind !== 'until' && treatment.kind !== 'beside') return every(commandsOf(text), 'here')
  const begun = await begin(text, treatment.text)
  last = begun
  await new Promise((go) => setTimeout(go, 2000)) // what was changed is served within two seconds
  if (treatment.kind === 'until') await begun.interrupt()
}

async function every(commands: readonly string[], where: string): Promise<void> {
  for (const command of commands) {
    last = await shell.run(command)
    // What is shown to fail is compared with the block of text behind it.
    if (/^\(node:\d+\) /m.test(last.printed())) throw new Error(`a warning of Node: ${command}\n${told(last)}`)
    if (last.status !== 0 && !(last.status === 1 && looksForSomething(command)) && !isShownToFail(command))
      throw new Error(`${where}: ${command}\n${told(last)}`)
  }
}

/** 1 says that it found something, and the document does not say that it won't. */
function looksForSomething(command: string): boolean {
  return /^bootstead (?:check\b|doctor\b|generate .*--(?:diff|check)\b)/.test(command)
}

/** The next block is the error that it is to print. */
function isShownToFail(command: string): boolean {
  const blocks = blocksOf(markdown)
  const at = blocks.findIndex(({ text }) => text.includes(command))
  return commandsOf(blocks[at]?.text ?? '').at(-1) === command && isError(blocks[at + 1]?.text ?? '')
}

function isError(text: string): boolean {
  return /^bootstead: /m.test(text)
}

async function playConsole(block: Block): Promise<void> {
  for (const { command, output, line } of commandsOfConsole(block)) {
    last = await shell.run(command)
    if (last.status !== 0 && !isError(output ?? '')) throw new Error(`line ${line}: ${command}\n${told(last)}`)
    if (output !== null) await compare(last, output)
  }
}

/** What goes on beside gets half a minute to print it. */
async function compare(run: Run | null, shown: string): Promise<void> {
  if (run === null) throw new Error('output before any command')
  for (const begun = Date.now(); ; await new Promise((go) => setTimeout(go, 200))) {
    const difference = differenceOf(shown, run.printed())
    if (difference === null) return
    if (run.status !== null || Date.now() - begun > 30_000)
      throw new Error(`${run.command}\n${difference}\nall that it printed:\n${told(run)}`)
  }
}

function told({ status, printed }: Run): string {
  return `exit status ${status ?? 'none yet'}\n${printed()}`
}

function queries(text: string): void {
  if (mariadb === null) throw new Error('SQL in a document without a database')
  mariadb.sql(text)
}

/** Rows for `bootstead import`, in the inventory that the document is at. */
async function inventory(text: string): Promise<void> {
  const file = '/tmp/block.yaml'
  writeFileSync(file, text)
  await every([`bootstead import --dry-run ${file}`], 'this document is no inventory')
}

async function writeAndCheck(file: string, text: string): Promise<void> {
  mkdirSync(dirname(file), { recursive: true })
  if (file.endsWith('dhcpd.conf')) appendFileSync(file, `${text}\n`)
  else writeFileSync(file, `${text}\n`)
  const check = checkers.find(([name]) => name.test(file))?.[1](file)
  if (check === undefined) throw new Error(`nothing here reads ${basename(file)}: say why the block is not run`)
  const run = await shell.run(check.join(' '))
  if (run.status !== 0) throw new Error(`${check.join(' ')}\n${told(run)}`)
}

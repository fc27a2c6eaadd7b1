// The server under test as its users start it: `bin/bootstead serve` on the real ports, its inventory in a real MariaDB.
import { execFile } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { cp, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { MariaDb } from '../mariadb.ts'
import { ended, serverAddress, type Host, type Network } from './network.ts'
import { cacheFolder, logFolder } from './packages.ts'

const run = promisify(execFile)
const program = join(import.meta.dirname, '../../bin/bootstead')

export interface Bootstead {
  /** Runs another command of the program on the same inventory; its standard output. */
  readonly command: (...words: readonly string[]) => Promise<string>
  /** The status of a GET inside the network, from the address given. */
  readonly status: (path: string) => Promise<number>
  readonly stop: () => Promise<void>
}

/** Images as `STATE/images/NAME/FILE`, installation trees as `STATE/repo/NAME/FILE`, copied from the files given. */
export type Folders = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Puts them where `serve` finds them. The packages that loaders come from are downloaded once, for all runs. */
export const fillState = async (state: string, images: Folders, trees: Folders = {}): Promise<void> => {
  const packages = join(cacheFolder, 'loader-packages')
  for (const folder of [packages, join(state, 'cache'), logFolder]) await mkdir(folder, { recursive: true })
  await symlink(packages, join(state, 'cache/loader-packages'))
  for (const [kind, folders] of Object.entries({ images, repo: trees }))
    for (const [name, files] of Object.entries(folders)) {
      await mkdir(join(state, kind, name), { recursive: true })
      for (const [file, source] of Object.entries(files)) await cp(source, join(state, kind, name, file))
    }
}

/** `mysql://…` of a new database that is reached through the server's socket: namespaces share no loopback. */
export const newDatabase = (database: MariaDb, name: string): string => {
  const socket = database.sql('SELECT @@socket').trim()
  database.sql(`CREATE DATABASE ${name}; CREATE USER ${name}@localhost IDENTIFIED BY 'secret-${name}'`)
  database.sql(`GRANT ALL ON ${name}.* TO ${name}@localhost`)
  return `mysql://${name}:secret-${name}@localhost/${name}?socketPath=${encodeURIComponent(socket)}`
}

export interface Setup {
  readonly inventory: string
  readonly state: string
  /** The site's own templates. */
  readonly templates?: string
  /** Its bootstead.yaml. */
  readonly config?: string
}

const environmentOf = ({ inventory, state, templates, config }: Setup) => ({
  ...process.env,
  BOOTSTEAD_INVENTORY: inventory,
  BOOTSTEAD_STATE: state,
  ...(templates === undefined ? {} : { BOOTSTEAD_TEMPLATES: templates }),
  ...(config === undefined ? {} : { BOOTSTEAD_CONFIG: config }),
})

/** @param host where to run it; beside the network unless given */
export const commandOf =
  (setup: Setup, host?: Host): Bootstead['command'] =>
  async (...words) => {
    const env = { ...environmentOf(setup), BOOTSTEAD_ADVERTISE: serverAddress }
    return host === undefined ? (await run(program, words, { env })).stdout : host.run(program, words, { env })
  }

export const fillInventory = async (setup: Setup, documents: readonly string[]): Promise<void> => {
  const command = commandOf(setup)
  await command('loaders', 'collect', '--download')
  await command('import', ...documents)
}

/** @param flags of `serve`; resolves when the doors are open */
export const serveBootstead = async (
  network: Network,
  setup: Setup,
  flags: readonly string[] = [],
): Promise<Bootstead> => {
  const server = network.spawn(program, ['serve', '--no-admin', '--log-format=text', '--log-level=debug', ...flags], {
    env: environmentOf(setup),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log = createWriteStream(join(logFolder, 'bootstead.log'))
  server.stdout?.pipe(log, { end: false })
  server.stderr?.pipe(log, { end: false })
  const status = async (path: string) => {
    const url = `http://${serverAddress}${path}`
    const said = await network.run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', url]).catch(() => '0')
    return Number(said)
  }
  for (let attempt = 0; (await status('/healthz')) !== 200; attempt++) {
    if (server.exitCode !== null || attempt >= 150)
      throw new Error(`bootstead serve does not answer: see ${join(logFolder, 'bootstead.log')}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return { command: commandOf(setup), status, stop: () => ended(server) }
}

/** Imports the inventory documents and serves them; resolves when the doors are open. */
export const startBootstead = async (
  network: Network,
  { documents, ...setup }: Setup & Readonly<{ documents: readonly string[] }>,
): Promise<Bootstead> => {
  await fillInventory(setup, documents)
  return serveBootstead(network, setup)
}

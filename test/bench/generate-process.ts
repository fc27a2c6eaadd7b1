// One farm's files generated in a process of its own, `node --import tsx generate-process.ts JOB`: the compiled program, a
// real store, real folders. Prints its figures as JSON.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import type * as Templates from '../../server/cli/templates.ts'
import type { Ipv4Address } from '../../server/inventory/address.ts'
import type * as Snapshots from '../../server/inventory/snapshot.ts'
import type * as Follow from '../../server/inventory/store/follow.ts'
import type * as Open from '../../server/inventory/store/open.ts'
import type * as Read from '../../server/inventory/store/read.ts'
import type { TargetName } from '../../server/render/targets.ts'
import type * as Engine from '../../server/render/templates.ts'
import type { Past } from '../../server/inventory/store/history.ts'
import type * as Generate from '../../server/serve/generate.ts'
import { hostnameOf, root } from './farm.ts'
import type { Seen } from './reader.ts'

export type Job = Readonly<{ inventory: string; machines: number; folder: string }>

/** Seconds for each target, and files written. */
export type Run = Readonly<{ seconds: Readonly<Record<TargetName, number>>; written: number }>

export type Generations = Readonly<{
  /** Reading the picture from the store, in seconds. */
  read: number
  full: Run
  /** The same into other fresh folders, by a process that has done it before. */
  later: Run
  /** The same into others again, with the daemons' checkers. */
  checked: Run
  /** Nothing changed, and every file was looked at. */
  again: Run
  /** From before a row is written in the store until everything is in place, seconds. */
  changes: readonly Readonly<{ seconds: number; written: number }>[]
  /** Every file differs from what is published. */
  replaced: Run
  /** What a reader saw from the end of `full` on. */
  seen: Seen
}>

const targets: readonly TargetName[] = ['isc', 'kea', 'dnsmasq', 'tftpboot']
const rounds = 15

const compiled = async <M>(path: string): Promise<M> => (await import(join(root, 'dist/server', path))) as M
const { loadTemplates, knownTemplates } = await compiled<typeof Templates>('cli/templates.js')
const { changeSnapshot } = await compiled<typeof Snapshots>('inventory/snapshot.js')
const { followStore } = await compiled<typeof Follow>('inventory/store/follow.js')
const { openStore, closeStore } = await compiled<typeof Open>('inventory/store/open.js')
const { readSnapshot } = await compiled<typeof Read>('inventory/store/read.js')
const { templateEngine } = await compiled<typeof Engine>('render/templates.js')
const { generate } = await compiled<typeof Generate>('serve/generate.js')

const { inventory, machines, folder } = JSON.parse(process.argv[2] ?? '') as Job

const secondsSince = (began: number): number => (performance.now() - began) / 1000

type Placed = Readonly<{ target: TargetName; place: Generate.Place }>

const places = (below: string, check: boolean): readonly Placed[] =>
  targets.map((target) => {
    const at = join(folder, below, target)
    return { target, place: { folder: at, main: null, check, reload: null, restart: null, controlSocket: null } }
  })

async function generateAll(
  all: readonly Placed[],
  picture: Generate.Picture,
  past: Past | null,
  verify: boolean,
): Promise<Run> {
  const seconds: Record<TargetName, number> = { isc: 0, kea: 0, dnsmasq: 0, tftpboot: 0 }
  let written = 0
  for (const { target, place } of all) {
    const began = performance.now()
    const options = { past: () => Promise.resolve(past), verify, isTold: false }
    const { publication } = await generate(target, place, picture, options)
    seconds[target] = secondsSince(began)
    if (publication.kind === 'refused') throw new Error(`${target} was refused: ${publication.output}`)
    if (publication.conflicts.length > 0) throw new Error(`${target} has conflicts`)
    if (publication.kind === 'published') written += publication.written
  }
  return { seconds, written }
}

/** As the server sees it: a machine's new address in the store, followed, and published. */
async function changeOne(all: readonly Placed[], picture: Generate.Picture) {
  const held = { picture }
  const changes: { seconds: number; written: number }[] = []
  const began = { at: 0 }
  const following = followStore({
    store,
    from: picture.snapshot.revision,
    pollMs: 3_600_000,
    onHealth: (error) => {
      if (error !== null) throw error
    },
    onChange: async (rows, revision) => {
      const before = held.picture.snapshot
      held.picture = { ...held.picture, snapshot: changeSnapshot(before, rows, revision) }
      const { written } = await generateAll(all, held.picture, { snapshot: before, rows }, false)
      changes.push({ seconds: secondsSince(began.at), written })
    },
  })
  for (let round = 0; round < rounds; round++) {
    const machine = hostnameOf(Math.floor((machines / (rounds + 1)) * (round + 1)) + 1)
    began.at = performance.now()
    await sql`UPDATE interfaces SET ip = ${`198.19.254.${round + 1}`} WHERE machine = ${machine}`.execute(store.db)
    await following.now()
  }
  await following.stop()
  return { changes, picture: held.picture }
}

/** Reads what is published, until it is told to stop. */
async function startReader(): Promise<() => Promise<Seen>> {
  const published = targets.flatMap((target) => {
    const base = join(folder, 'published', target, target === 'tftpboot' ? '' : 'current')
    return readdirSync(base, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('/.bootstead'))
      .map((entry) => join(entry.parentPath, entry.name))
  })
  const list = join(folder, 'published.json')
  writeFileSync(list, JSON.stringify(published))
  const reader = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'reader.ts'), list], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  reader.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await once(reader.stdout, 'data')
  return async () => {
    reader.kill('SIGTERM')
    await once(reader, 'close')
    return JSON.parse(said.replace('reading\n', '')) as Seen
  }
}

const store = openStore(inventory)
const began = performance.now()
const snapshot = await readSnapshot(store)
const read = secondsSince(began)
const sources = loadTemplates(null)
const picture: Generate.Picture = {
  snapshot,
  inventory,
  server: { advertise: '198.18.0.1' as Ipv4Address, addresses: ['198.18.0.1' as Ipv4Address], httpPort: 80 },
  known: knownTemplates(sources),
  now: Date.now(),
  engine: templateEngine(sources),
  loaders: [],
  imagesFolder: join(folder, 'images'),
}
const all = places('published', false)
const full = await generateAll(all, picture, null, true)
const again = await generateAll(all, picture, { snapshot, rows: [] }, true)
const stopReader = await startReader()
const changed = await changeOne(all, picture)
const later = await generateAll(places('later', false), changed.picture, null, true)
const checked = await generateAll(places('checked', true), changed.picture, null, true)
// Another boot server for the daemons, another line in every menu.
const otherSources = new Map([...sources].map(([path, text]) => [path, path.startsWith('pxe/') ? `${text}\n` : text]))
const replaced = await generateAll(
  all,
  {
    ...changed.picture,
    server: { ...picture.server, advertise: '198.18.0.2' as Ipv4Address },
    engine: templateEngine(otherSources),
  },
  null,
  true,
)
const seen = await stopReader()
await closeStore(store)
process.stdout.write(
  JSON.stringify({ read, full, later, checked, again, changes: changed.changes, replaced, seen } satisfies Generations),
)

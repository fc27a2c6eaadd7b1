// Shoots at a real server until it is told to stop, and asks as a good client in between. Run by `unshare --net`.
//
//   fuzz.ts                 SEED=number MINUTES=number ROUNDS=number: a new seed each time, on and on, unless they are given
//   fuzz.ts FILE…           the datagrams of these files, one at a time: which of them is it?
//
// DHCP_MODE=proxy in either case shoots at a proxy, on both of its ports.
//
// Status 0 when the server was well to the end. What was sent last before it was not is in .cache/fuzz/.
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { growth } from './bounds.ts'
import { chanceFrom } from './chance.ts'
import type { Shot } from './frames.ts'
import { openGoodClient, type GoodClient } from './good-client.ts'
import { talkHttp } from './http-talk.ts'
import { readShots, writeShots } from './shots-file.ts'
import { shotFrom } from './shots.ts'
import { dhcpMode, dhcpPorts, plantFuzzFarm } from './farm.ts'
import { openStage, type Footing, type Served, type Stage } from './stage.ts'
import { talkTftp } from './tftp-talk.ts'

const SHOTS_A_ROUND = 400
const TALKS_A_ROUND = 12
/** A good client boots after every so many rounds; a sign of each door is awaited after each. */
const BOOT_EVERY = 10
/** Until the engine has compiled what is busy and its heap has the size that it works with. */
const WARM_ROUNDS = 60

const say = (text: string): void => void process.stdout.write(`${text}\n`)
const root = join(import.meta.dirname, '../..')
/** Datagrams that were too much once. */
const foundFolder = join(root, 'test/corpus/found')

type Run = Readonly<{ stage: Stage; served: Served; client: GoodClient }>

/** @throws what is wrong */
async function check({ served, client }: Run, warm: Footing | null, isBootDue: boolean): Promise<Footing> {
  await client.heardAll()
  if (isBootDue) await client.boot()
  const [complaint] = served.complaints()
  if (complaint !== undefined) throw new Error(complaint)
  const footing = await served.footing()
  const grown = warm === null ? null : growth(warm, footing)
  if (grown !== null) throw new Error(grown)
  return footing
}

async function fuzz(run: Run, seed: number, isOver: (round: number) => boolean): Promise<string> {
  const chance = chanceFrom(seed)
  const kinds = new Map<string, number>()
  let warm: Footing | null = null
  let footing = await check(run, null, true)
  for (let round = 1; !isOver(round); round++) {
    const shots: Shot[] = []
    try {
      for (let count = 0; count < SHOTS_A_ROUND; count++) {
        const { kind, shot } = shotFrom(chance, dhcpPorts)
        shots.push(shot)
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
      }
      const talks = Array.from({ length: TALKS_A_ROUND }, () => chance.one([talkTftp, talkHttp])(chance))
      await run.stage.shoot(shots)
      await Promise.all(talks)
      footing = await check(run, warm, round % BOOT_EVERY === 0)
    } catch (cause) {
      const file = join(root, '.cache/fuzz', `seed-${seed}-round-${round}.hex`)
      await mkdir(join(root, '.cache/fuzz'), { recursive: true })
      await writeShots(file, `seed ${seed}, round ${round}: ${String(cause)}`, shots)
      throw new Error(`seed ${seed}, round ${round}; its datagrams are in ${file}`, { cause })
    }
    if (round === WARM_ROUNDS) warm = footing
    if (round % 100 === 0) say(`round ${round}: ${describe(footing)}`)
  }
  return `${[...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ')}; warm ${describe(warm ?? footing)}, at the end ${describe(footing)}`
}

const describe = ({ rssMiB, descriptors }: Footing): string => `${rssMiB} MiB, ${descriptors} descriptors`

async function replay(run: Run, files: readonly string[]): Promise<string> {
  let count = 0
  for (const file of files)
    for (const shot of await readShots(file)) {
      try {
        await run.stage.shoot([shot])
        await check(run, null, false)
      } catch (cause) {
        throw new Error(`${file}: ${Buffer.from(shot.octets).toString('hex')}`, { cause })
      }
      count++
    }
  return `${count} datagrams of files`
}

async function found(): Promise<readonly string[]> {
  const names = await readdir(foundFolder).catch(() => [])
  return names.filter((name) => name.endsWith('.hex')).map((name) => join(foundFolder, name))
}

/** The first signal ends it after the round. */
function overAfter(rounds: number, minutes: number): (round: number) => boolean {
  const end = performance.now() + minutes * 60_000
  let isTold = false
  process.once('SIGINT', () => (isTold = true))
  return (round) => isTold || round > rounds || performance.now() > end
}

const files = process.argv.slice(2)
const { SEED: seedGiven, ROUNDS: rounds = 'Infinity', MINUTES: minutes = 'Infinity' } = process.env
const seed = Number(seedGiven || Date.now() % 1_000_000)
const stage = await openStage()
const served = await stage.serve({ dhcpMode, plant: plantFuzzFarm })
const client = await openGoodClient(served, dhcpMode)
const run = { stage, served, client }
try {
  say(await replay(run, files.length > 0 ? files : await found()))
  if (files.length === 0)
    say(`seed ${seed}: ${await fuzz(run, seed, overAfter(Number(rounds), Number(minutes || 'Infinity')))}`)
} catch (error) {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) say(cause.message)
  process.exitCode = 1
}
client.close()
const end = await served.stop()
say([...served.lines()].map(([line, count]) => `${count} × ${line}`).join('\n'))
if (end !== 'it ended with 0') {
  say(`stopping: ${end}`)
  process.exitCode = 1
}
await stage.close()

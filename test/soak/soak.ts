// Hours of a farm's life against one real server: machines that boot and install, an inventory that changes, a database that
// goes away and comes back. Run by `unshare --net`.
//
//   soak.ts      MINUTES=60 unless given; writes docs/soak.md; status 1 when memory grew, or anything went wrong
import { writeFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { chanceFrom } from '../fuzz/chance.ts'
import { GOOD } from '../fuzz/farm.ts'
import { openStage } from '../fuzz/stage.ts'
import { newDatabase } from '../boot/bootstead.ts'
import { plantFarm, root } from '../bench/farm.ts'
import { startMariaDb } from '../mariadb.ts'
import { bootOnce, fetchAs, openRelay } from './boots.ts'
import { changesOf } from './changes.ts'
import { GROWTH_MOST_MIB, growthOf, soakTable, verdict, type Minute } from './report.ts'
import { openTally } from './tally.ts'

const MACHINES = 500
/** So many boot at once, each the next one as soon as it is done and has rested. */
const BOOTING = 8
const REST_MS = 100
const CHANGE_EVERY_MS = 3000
/** Long enough that the server asks in vain several times. */
const OUTAGE_MS = 15_000

const minutesWanted = Number(process.env['MINUTES'] || 60)
const say = (text: string): void => void process.stdout.write(`${text}\n`)

const stage = await openStage('198.18.0.0/15')
const database = await startMariaDb()
const inventory = newDatabase(database, 'soak')
const served = await stage.serve({ inventory, plant: (store) => plantFarm(store, MACHINES, true) })
const relay = await openRelay()
const tally = openTally()
const chance = chanceFrom(1)
const state = { isOver: false, isStoreUp: true, remark: '', changing: Promise.resolve() }

/** One machine boots once at a time. */
const booting = new Set<number>()

async function keepBooting(): Promise<void> {
  const farm = { relay, files: served.files, tally, isStoreUp: () => state.isStoreUp }
  while (!state.isOver) {
    const index = 1 + chance.below(MACHINES)
    if (booting.has(index)) continue
    booting.add(index)
    await bootOnce(farm, index).catch(tally.failed)
    booting.delete(index)
    await delay(REST_MS)
  }
}

async function keepChanging(): Promise<void> {
  const changes = changesOf(inventory, served.state, database, MACHINES)
  for (let turn = 0; !state.isOver; turn++) {
    const change = changes[turn % changes.length]
    if (change !== undefined && state.isStoreUp)
      await (state.changing = tally.timed('change', () => change(turn)).catch(tally.failed))
    await delay(CHANGE_EVERY_MS)
  }
}

/** As after a power cut: the server goes on with what it has, and takes up what has changed. */
async function loseDatabase(): Promise<void> {
  state.isStoreUp = false
  state.remark = 'database killed, and back after 15 s'
  await state.changing
  await database.kill()
  await delay(OUTAGE_MS)
  await database.start()
  await delay(CHANGE_EVERY_MS)
  state.isStoreUp = true
}

/** The two lines that say that the inventory is away are what an outage is to bring. */
const isExpected = (complaint: string): boolean => /"msg":"the inventory is away;/.test(complaint)

async function minute(): Promise<Minute> {
  await delay(60_000)
  const { body } = await fetchAs(GOOD.ipv4, '/metrics')
  const loopP99 = /^nodejs_eventloop_lag_p99_seconds (\S+)/m.exec(body.toString())?.[1]
  const { rssMiB, descriptors } = await served.footing()
  const counts = tally.take()
  const remark = state.remark
  state.remark = ''
  const complaints = served.takeComplaints().filter((one) => !isExpected(one))
  return {
    ...counts,
    errors: [...counts.errors, ...complaints],
    rssMiB,
    descriptors,
    loopP99Ms: Number(loopP99) * 1000,
    remark,
  }
}

const jobs = [...Array.from({ length: BOOTING }, keepBooting), keepChanging()]
const minutes: Minute[] = []
const loads: number[] = []
for (let count = 1; count <= minutesWanted; count++) {
  if (count === Math.ceil(minutesWanted / 2)) jobs.push(loseDatabase().catch(tally.failed))
  const now = await minute()
  minutes.push(now)
  loads.push(loadavg()[0] ?? 0)
  say(soakTable([now]).split('\n').at(-1) ?? '')
  for (const error of now.errors.slice(0, 5)) say(`  ${error}`)
}
state.isOver = true
await Promise.all(jobs)
relay.close()
const end = await served.stop()
await stage.close()
await database.stop()

const wrong = [...verdict(minutes), ...(end === 'it ended with 0' ? [] : [`stopping: ${end}`])]
const load = `${Math.round(Math.min(...loads))} to ${Math.round(Math.max(...loads))}`
await writeFile(
  join(root, 'docs/soak.md'),
  `# Soak

\`make soak\` (written by test/soak/soak.ts on ${new Date().toISOString().slice(0, 10)}, Node ${process.version}): ${minutesWanted} minutes of one \`bootstead serve\` on MariaDB with
${MACHINES} machines. ${BOOTING} at a time boot and install over DHCP, TFTP and HTTP and report what they do; every ${CHANGE_EVERY_MS / 1000} seconds the inventory is changed by SQL, by
\`machine set\`, by \`install\` or by \`import\`; once the database is killed. Every file is compared octet by octet. ${cpus().length} processors,
which the clients and the database use too; load average of the machine ${load}.

${soakTable(minutes)}

p99 is of all requests of that minute, as a client sees them (an 8 MB initrd is one of nine). The straight line through the second half's memory
rises by ${growthOf(minutes.map(({ rssMiB }) => rssMiB)).toFixed(1)} MiB; ${GROWTH_MOST_MIB} MiB would be too much.

${wrong.length === 0 ? 'Nothing went wrong.' : `What went wrong:\n\n${wrong.map((one) => `- ${one}`).join('\n')}`}
`,
)
say(wrong.length === 0 ? 'nothing went wrong' : wrong.join('\n'))
process.exitCode = wrong.length === 0 ? 0 : 1

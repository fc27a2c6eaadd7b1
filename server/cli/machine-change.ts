// `bootstead machine add|set`: a machine's rows, written from the command line.
import type { Command } from 'commander'
import type { Edit, StoredRow } from '../inventory/encode.ts'
import { encodeRow } from '../inventory/encode.ts'
import type { BootAction } from '../inventory/rows.ts'
import { expandRange } from '../inventory/select.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { readRows } from '../inventory/store/read.ts'
import { recordBootAction } from '../inventory/store/record.ts'
import type { Assignment, StoredMachine } from './assignments.ts'
import { assignToMachine, isAssignment, parseAssignment, parseInterfaceOption } from './assignments.ts'
import type { ApplyOptions } from './apply.ts'
import { applyEdits } from './apply.ts'
import { fail, misuse } from './failure.ts'
import { foldNames } from './names.ts'
import { withApplyOptions } from './options.ts'
import { chosenNames, isUnreadable, whereOption } from './selection.ts'
import type { Session } from './session.ts'

const assignmentHelp = 'field=value, params.NAME=value, interface.NAME.COLUMN=value; an empty value clears'

export function registerMachineChanges(group: Command, session: Session): void {
  withApplyOptions(group.command('add'))
    .description('add a machine, or a range of them')
    .argument('<name>', "its host name, or a range such as 'acas[0001-0040]'")
    .argument('<field=value...>', assignmentHelp)
    .option(
      '--interface <interface>',
      'NAME,mac=MAC,ip=ADDRESS,network=NAME; may be given more than once',
      (text: string, earlier: readonly string[]) => [...earlier, text],
      [] as readonly string[],
    )
    .action((name: string, words: readonly string[], options: ApplyOptions & { interface: readonly string[] }) =>
      addMachines(session, name, words, options),
    )
  withApplyOptions(group.command('set'))
    .description('change fields of machines')
    .argument('<word...>', `which machines, and ${assignmentHelp}; filters go into --where`)
    .addOption(whereOption())
    .action((words: readonly string[], options: ApplyOptions & { where?: readonly string[] }) =>
      setMachines(session, words, options),
    )
}

async function addMachines(
  session: Session,
  name: string,
  words: readonly string[],
  options: ApplyOptions & { interface: readonly string[] },
): Promise<void> {
  const assignments = [
    ...words.map((word) => parseAssignment('machines', word)),
    ...options.interface.flatMap(parseInterfaceOption),
  ]
  refuseInstall(assignments, name)
  const snapshot = await session.loadSnapshot()
  const names = expandRange(name)
  const existing = names.filter((one) => snapshot.machines.has(one) || isUnreadable(snapshot, one))
  if (existing.length > 0)
    fail(`there is a machine ${foldNames(existing)} already; change it with: bootstead machine set`)
  const assigned = names.map((hostname) =>
    assignToMachine({ machine: { hostname }, interfaces: new Map() }, assignments),
  )
  await applyEdits(session, snapshot, collect(assigned), options)
}

async function setMachines(
  session: Session,
  words: readonly string[],
  options: ApplyOptions & { where?: readonly string[] },
): Promise<void> {
  const assignments = words.filter(isAssignment).map((word) => parseAssignment('machines', word))
  const selectors = words.filter((word) => !isAssignment(word))
  const filter = selectors.find((word) => word.includes('='))
  if (filter !== undefined)
    misuse(`${filter}: filters go into --where '${filter}', so that they are not taken for values to set`)
  if (assignments.length === 0) misuse('say what to set: field=value, such as memory_mib=2048')
  refuseInstall(assignments, selectors.join(' '))
  const snapshot = await session.loadSnapshot()
  const machines = await storedMachines(session, snapshot, selectors, options.where)
  const edits = collect(machines.map((machine) => assignToMachine(machine, assignments)))
  if (!(await applyEdits(session, snapshot, edits, options))) return
  const action = bootActionOf(assignments)
  const names = machines.map(({ machine }) => String(machine['hostname']))
  // An arming that was not used goes with its boot action, and the timeline says so.
  if (action !== null)
    await recordBootAction(await session.store(), names, action, { who: session.who, now: session.io.now() })
}

/** Arming is more than a field: it checks the machine and its image, names the disk, and mints the token. */
function refuseInstall(assignments: readonly Assignment[], names: string): void {
  if (assignments.some((one) => one.kind === 'column' && one.column === 'boot' && one.text === 'install'))
    misuse(`boot=install: a field can't arm an install; do it with: bootstead machine install ${names}`)
}

function bootActionOf(assignments: readonly Assignment[]): Exclude<BootAction, 'install'> | null {
  const boot = assignments.findLast((one) => one.kind === 'column' && one.column === 'boot')
  return boot?.kind === 'column' ? ((boot.text === '' ? 'local' : boot.text) as Exclude<BootAction, 'install'>) : null
}

/** @throws CommandFailed with every value that its column can't hold */
function collect(
  assigned: readonly Readonly<{ edits: readonly Edit[]; errors: readonly string[] }>[],
): readonly Edit[] {
  const errors = assigned.flatMap((one) => one.errors)
  if (errors.length > 0) fail('nothing was changed:', ...errors)
  return assigned.flatMap((one) => one.edits)
}

async function storedMachines(
  session: Session,
  snapshot: Snapshot,
  words: readonly string[],
  where?: readonly string[],
): Promise<readonly StoredMachine[]> {
  const names = chosenNames(snapshot, words, where)
  const unreadable = await unreadableRows(session, snapshot, names)
  return names.map((hostname) => {
    const own = snapshot.machines.get(hostname)
    const nics = (snapshot.interfaces.get(hostname) ?? []).map((nic) => [nic.name, encodeRow(nic)] as const)
    const spoiled = [...unreadable].flatMap(([key, row]) =>
      key.startsWith(`${hostname}/`) ? [[key.slice(hostname.length + 1), row] as const] : [],
    )
    return {
      machine: own === undefined ? (unreadable.get(hostname) ?? { hostname }) : encodeRow(own),
      interfaces: new Map([...nics, ...spoiled]),
    }
  })
}

/** Rows that can't be read as they are in the store, by key, so that one field can be mended and the others stay. */
async function unreadableRows(
  session: Session,
  snapshot: Snapshot,
  hostnames: readonly string[],
): Promise<ReadonlyMap<string, StoredRow>> {
  const found = new Map<string, StoredRow>()
  const rows = hostnames.flatMap((hostname) => snapshot.unreadable.get(`machines/${hostname}`) ?? [])
  for (const table of ['machines', 'interfaces'] as const) {
    const keys = rows.filter((row) => row.table === table).map(({ key }) => key)
    if (keys.length === 0) continue
    for (const { key, raw } of await readRows(await session.store(), table, keys))
      if (raw !== null) found.set(key, raw as StoredRow)
  }
  return found
}

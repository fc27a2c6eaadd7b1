// What can be wrong with a target after a run, as the log and /healthz say it.
import type { Logger } from 'pino'
import type { TargetName } from '../render/targets.ts'
import type { Conflict, Obstacle } from './disk/judge.ts'
import type { Generated } from './generate.ts'

export type Trouble = Readonly<{
  /** The same again is not worth another line. */
  key: string
  /** For /healthz; null when nothing is held up but one file. */
  reason: string | null
  message: string
  fields: Readonly<Record<string, unknown>>
}>

const mostConflicts = 20
/** Of a checker's or a reload's output the end. */
const mostOutput = 4000

export function troublesOf({ publication, reload }: Pick<Generated, 'publication' | 'reload'>): readonly Trouble[] {
  const { conflicts } = publication
  const troubles = conflicts.slice(0, mostConflicts).map(conflictTrouble)
  if (conflicts.length > mostConflicts) troubles.push(manyTrouble(conflicts.length))
  if (publication.kind === 'refused') troubles.push(refusalTrouble(publication))
  if (reload.kind === 'ran' && !reload.ok)
    troubles.push({
      key: `reload ${reload.how}`,
      reason: `the files are published, but the reload failed: ${reload.how}`,
      message: 'the files are published, but their daemon was not told: the reload failed; it is tried again',
      fields: { how: reload.how, output: reload.output.slice(-mostOutput) },
    })
  return troubles
}

/** The run threw. */
export function failureTrouble(error: unknown): Trouble {
  const reason = error instanceof Error ? error.message : String(error)
  return { key: `failed ${reason}`, reason, message: 'the target can not be generated', fields: { err: error } }
}

const isAdoptable: ReadonlySet<Obstacle> = new Set(['edited', 'foreign'])

const conflictTrouble = ({ path, what, message }: Conflict): Trouble => ({
  key: `${what} ${path}`,
  reason: null,
  message: 'a file is left alone',
  fields: { path, why: message, ...(isAdoptable.has(what) ? { wayOut: `bootstead generate --adopt ${path}` } : {}) },
})

const manyTrouble = (conflicts: number): Trouble => ({
  key: `conflicts ${conflicts}`,
  reason: null,
  message: 'more files are left alone; bootstead generate --check names them',
  fields: { conflicts },
})

function refusalTrouble({ output, blamed }: Extract<Generated['publication'], { kind: 'refused' }>): Trouble {
  const machines = [...new Set(blamed.flatMap(({ machine }) => machine ?? []))]
  const whose = machines.length === 0 ? '' : ` because of ${machines.join(', ')}`
  return {
    key: JSON.stringify(blamed.map(({ path, line, machine }) => [path, line, machine])),
    reason: `the daemon's checker refuses what would be published${whose}`,
    message: "the daemon's checker refuses what would be published: the files before stay in force until it is mended",
    fields: { machines, output: output.slice(-mostOutput) },
  }
}

/** Says what is new among them, and when the last of those before is gone. */
export function logTroubles(
  log: Logger,
  target: TargetName,
  before: readonly Trouble[],
  now: readonly Trouble[],
): void {
  const said = new Set(before.map(({ key }) => key))
  for (const { key, reason, message, fields } of now)
    if (!said.has(key)) log[reason === null ? 'warn' : 'error']({ target, ...fields }, message)
  if (before.length > 0 && now.length === 0) log.info({ target }, 'the target is as it should be again')
}

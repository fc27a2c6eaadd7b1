// What an administrator does to a site, whether its database is at hand (site-here.ts) or its server is asked
// (site-remote.ts): commands print what these verbs give, and know of neither.
import type { Token, User } from '../admin/accounts.ts'
import type { Finding } from '../inventory/findings.ts'
import type { AnyRow } from '../inventory/rows.ts'
import type { AuditRow, ConsoleRow, EventRow } from '../inventory/store/open.ts'
import type { ArmingTold, ArmOptions } from '../manage/arming.ts'
import type { ListedArtefact, ShownArtefact } from '../manage/artefacts.ts'
import type { AskedEdit } from '../manage/asked-edits.ts'
import type { OtherBoot } from '../manage/boot-actions.ts'
import type { Changed, Decision } from '../manage/changed.ts'
import type { Document, Exported, ExportOptions, Imported } from '../manage/documents.ts'
import type { ExplainOptions } from '../manage/explain.ts'
import type { ToldChange } from '../manage/history.ts'
import type { MachineAsAWhole } from '../manage/machine.ts'
import type { MachineLine } from '../manage/machine-lines.ts'
import type { Outcome } from '../manage/outcomes.ts'
import type { PlainTable, TableRows } from '../manage/stored-rows.ts'
import type { ChosenTarget } from '../manage/targets.ts'
import type { Timeline, TimelineOptions } from '../manage/timeline.ts'
import type { Watched } from '../manage/watched.ts'
import type { Way } from '../manage/ways.ts'
import type { BootState } from '../plan/states.ts'
import type { Explanation } from '../render/explain.ts'
import type { SeenClient } from '../serve/dhcp/seen-file.ts'
import type { Generation } from '../serve/disk/manifest.ts'

type Names = readonly string[]
/** Of a change: `dryRun` writes nothing, `force` also what withholds machines. */
export type ChangeOptions = Readonly<{ dryRun?: boolean; force?: boolean }>
export type Differences = Readonly<{ before: number; after: number; ways: readonly Way[] }>
type Reverted = Changed &
  Readonly<{ revision: number; unreadable: readonly Readonly<{ table: string; key: string }>[] }>

/** Machines that are watched from now on, as they were when it began. */
export type Watching = Readonly<{
  machines: readonly Watched[]
  /** How they stand now. */
  look: () => Promise<ReadonlyMap<string, BootState>>
}>

export type ShownConsole = ConsoleRow & Readonly<{ tail: string }>

/** What one has seen of events already. */
export type EventsHad = Readonly<{ newest: number; events: readonly EventRow[] }>

export type Site = Readonly<{
  /** No words are all machines. */
  machines: (words: Names) => Promise<readonly MachineLine[]>
  machine: (name: string) => Promise<MachineAsAWhole>
  explain: (target: string, options: ExplainOptions) => Promise<Explanation>
  artefacts: (
    name: string,
  ) => Promise<Readonly<{ hostname: string; items: readonly ListedArtefact[]; nothing: string | null }>>
  artefact: (name: string, wanted: string) => Promise<Readonly<{ hostname: string }> & ShownArtefact>
  /** No words are all machines. */
  findings: (words: Names) => Promise<readonly Finding[]>
  rows: (table: PlainTable) => Promise<TableRows>
  row: (table: PlainTable, name: string) => Promise<Readonly<{ row: AnyRow; machines: Names }>>
  /** Null: no server has listed anybody yet. */
  seen: () => Promise<readonly SeenClient[] | null>
  /** Newest first. */
  log: (filter: Readonly<{ limit: number; machine: string | null }>) => Promise<readonly ToldChange[]>
  diff: (before: string, after: string) => Promise<Differences>
  export: (options: ExportOptions) => Promise<Exported>

  timeline: (hostname: string, options: TimelineOptions) => Promise<Timeline>
  /** Each event of these machines once, as it comes, until `stop` fires. */
  follow: (names: Names, had: EventsHad, stop: AbortSignal) => AsyncIterable<EventRow>
  watch: (words: Names) => Promise<Watching>
  /** Of those who have shown one: its end, and when. */
  consoles: (names: Names) => Promise<ReadonlyMap<string, ShownConsole>>

  change: (edits: readonly AskedEdit[], options: ChangeOptions) => Promise<Decision<Changed>>
  revert: (to: string, options: ChangeOptions) => Promise<Decision<Reverted>>
  import: (documents: readonly Document[], options: ChangeOptions) => Promise<Decision<Imported>>
  arm: (words: Names, options: Omit<ArmOptions, 'expected'>) => Promise<ArmingTold>
  setBoot: (words: Names, action: OtherBoot) => Promise<Names>

  targets: TargetVerbs
  people: PeopleVerbs
}>

export type PublishOptions = Readonly<{ adopt: ReadonlySet<string>; isTold: boolean }>

/** Files for the daemons of the server's host. */
export type TargetVerbs = Readonly<{
  /** Those that the server is configured for. */
  configured: () => Promise<readonly ChosenTarget[]>
  look: (one: ChosenTarget, isDiff: boolean) => Promise<Outcome>
  generate: (one: ChosenTarget, options: PublishOptions) => Promise<Outcome>
  /** Newest first. */
  generations: (one: ChosenTarget) => Promise<readonly Generation[]>
  /** @param to a generation, or null for the one before */
  rollBack: (one: ChosenTarget, to: number | null, options: PublishOptions) => Promise<Outcome>
}>

/** Who may use the administration side. Nobody is given a way in by asking the server: an API token can't. */
export type PeopleVerbs = Readonly<{
  users: () => Promise<readonly User[]>
  removeUser: (name: string) => Promise<void>
  /** Of one user, or null for all. */
  tokens: (user: string | null) => Promise<readonly Token[]>
  removeToken: (user: string, name: string) => Promise<void>
  /** Newest first. */
  audit: (limit: number) => Promise<readonly AuditRow[]>
}>

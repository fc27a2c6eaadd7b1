// Targets of the disk door: rendered, compared with what is published, published, and the daemon told.
import type { Snapshot } from '../inventory/snapshot.ts'
import type { TouchedRow } from '../inventory/touched.ts'
import type { LeftOut } from '../render/files.ts'
import type { TargetContext, TargetName } from '../render/targets.ts'
import type { Publication } from './disk/publish.ts'
import type { Reload } from './disk/reload.ts'

/** Where a target is published, and what its daemon needs: `targets` of bootstead.yaml. */
export type Place = Readonly<{
  /** Absolute. */
  folder: string
  /** The daemon's own main file, which includes ours; null when the site named none: a stand-in is checked. */
  main: string | null
  /** Whether the daemon's own checker decides before anything is published. */
  check: boolean
  /** What makes the daemon read its files again, as a program and its arguments; null when nobody is to be told. */
  reload: readonly string[] | null
  /** The same for changes that need a restart; null: `reload` does for these too. */
  restart: readonly string[] | null
  /** Kea's control socket: config-test before, config-reload after. */
  controlSocket: string | null
}>

/** The inventory, and all else that what is rendered depends on. */
export type Picture = Omit<TargetContext, 'folder'>

/** What a publication was made from; the next one needs to render only what differs since. */
export type Basis = Readonly<{
  revision: number
  /** The clock of the plan, milliseconds since the epoch: tokens expire without a row changing. */
  at: number
}>

/** The inventory as it was, and the rows that were changed since. */
export type Past = Readonly<{ snapshot: Snapshot; rows: readonly TouchedRow[] }>

export type GenerateOptions = Readonly<{
  /** Null when it can't be told: then everything is rendered. */
  past: (basis: Basis) => Promise<Past | null>
  /** Paths of files that may be replaced whoever wrote them. */
  adopt?: ReadonlySet<string>
  /** Also looks at files whose machines did not change: somebody may have edited or removed them. */
  verify: boolean
  /** Whether the daemon is told. */
  isTold: boolean
  waitMs?: number
}>

export type Generated = Readonly<{
  target: TargetName
  place: Place
  publication: Publication
  /** Of what was rendered this time. */
  leftOut: readonly LeftOut[]
  /** Files rendered, of how many. */
  rendered: number
  files: number
  reload: Reload
}>

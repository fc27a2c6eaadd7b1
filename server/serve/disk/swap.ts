// How a generation comes into place. Two ways, of one shape:
// * file by file (swap-files.ts), where each file stands for itself and others keep files in the same folder: a TFTP root;
// * as a folder (swap-folder.ts), where files belong together: a daemon's configuration.
import type { Check } from './check.ts'
import type { Conflict } from './judge.ts'
import type { Manifest } from './manifest.ts'

/** A folder to publish into. */
export type DiskTarget = Readonly<{
  folder: string
  /** As a folder it is published at `FOLDER/current/…`. */
  swap: 'files' | 'folder'
  /** Decides before anything is published. */
  check: Check | null
}>

export type Swap = Readonly<{
  /** Where published files are; null before the first publication. */
  base: () => string | null
  /** The generation that is in place by the look of the folder, 0 when that says nothing: the manifest may be lost. */
  lastUsed: () => number
  /** Writes a file aside. Returns the identity that it has then, and in its place. */
  stage: (generation: number, path: string, bytes: Buffer) => string
  /**
   * All that was staged is on the disk. Returns the folder that shows the generation: as a folder the whole of it, all but
   * `removed`; file by file what changes.
   */
  complete: (generation: number, removed: ReadonlySet<string>) => Promise<string>
  /** Throws away what was staged. */
  discard: (generation: number) => void
  /**
   * Brings the last committed generation into place: the end of each publication, and the beginning of the next one
   * after a crash. What was staged and never committed goes. Returns null when there was nothing to do.
   */
  finish: (manifest: Manifest) => Promise<readonly Conflict[] | null>
}>

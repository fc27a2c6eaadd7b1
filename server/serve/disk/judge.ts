// What may be done to one path, from three things: what is to be there, what we wrote last, and what lies there.
import { accessSync, constants, lstatSync, readFileSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Incoming } from './incoming.ts'
import { sha256Of } from './incoming.ts'
import type { Found, Version } from './manifest.ts'

/** Something is in the way: it is left alone, and so is everything that would have gone there. */
export type Conflict = Readonly<{ path: string; what: Obstacle; message: string }>
export type Obstacle =
  /** Ours, and changed by somebody else since. */
  | 'edited'
  /** Not ours. */
  | 'foreign'
  /** A folder, a symbolic link or a device; or above the path something other than a folder. */
  | 'in the way'
  /** The path leads out of the folder, or into what we keep for ourselves. */
  | 'outside'
  /** The system does not let us replace it. */
  | 'refused'
  /** The bytes that belong there are not to be had: a file to be copied is gone, or what a rollback wants was not kept. */
  | 'lost'

type Blocked = Readonly<{ kind: 'conflict'; conflict: Conflict }>

export type Verdict =
  | Blocked
  /** The bytes are there already. */
  | Readonly<{ kind: 'same'; identity: string }>
  /** `found`: what it replaces. */
  | Readonly<{ kind: 'write'; found: Found | null }>

type Removal = Blocked | Readonly<{ kind: 'remove'; found: Found | null }>

/** Where Bootstead keeps its own, in every folder it publishes into. */
export const privateFolder = '.bootstead'

export const conflictAt = (path: string, what: Obstacle, message: string): Conflict => ({
  path,
  what,
  message: `${path}: ${message}`,
})

/** Equal as long as nobody writes: a rename and a hard link keep inode, size and time. */
export const identityOf = ({ ino, size, mtimeMs }: Stats): string => `${ino}:${size}:${mtimeMs}`

/** Paths under `base`, or nowhere before anything was published. Folders are looked at once. */
export type Places = Readonly<{
  base: string | null
  /** Why nothing can be put at a path, or null. */
  obstacle: (path: string) => Conflict | null
  /** What lies there, or null. */
  look: (path: string) => Stats | null
}>

type Folder = Readonly<{ kind: 'there' | 'absent' }> | Readonly<{ kind: 'obstacle'; why: string }>

export function openPlaces(base: string | null): Places {
  const device = base === null ? null : lstatSync(base).dev
  const folders = new Map<string, Folder>([['.', { kind: base === null ? 'absent' : 'there' }]])
  const folderAt = (folder: string): Folder => {
    const known = folders.get(folder)
    if (known !== undefined) return known
    const above = folderAt(dirname(folder))
    const found = above.kind === 'there' ? folderOf(join(base ?? '', folder), folder, device) : above
    folders.set(folder, found)
    return found
  }
  return {
    base,
    obstacle: (path) => {
      if (!isInside(path)) return conflictAt(path, 'outside', 'leads out of the folder; nothing is written there')
      const folder = folderAt(dirname(path))
      return folder.kind === 'obstacle' ? conflictAt(path, 'in the way', folder.why) : null
    },
    look: (path) =>
      folderAt(dirname(path)).kind === 'there'
        ? (lstatSync(join(base ?? '', path), { throwIfNoEntry: false }) ?? null)
        : null,
  }
}

/** A segment that is empty, `.` or `..`. */
const leadsAway = /(^|\/)\.{0,2}(\/|$)|\0/

const isInside = (path: string): boolean => !leadsAway.test(path) && !`${path}/`.startsWith(`${privateFolder}/`)

function folderOf(absolute: string, folder: string, device: number | null): Folder {
  const found = lstatSync(absolute, { throwIfNoEntry: false })
  const obstacle = (why: string): Folder => ({ kind: 'obstacle', why: `${folder} is ${why}` })
  if (found === undefined) return { kind: 'absent' }
  if (!found.isDirectory()) return obstacle(`${kindOf(found)} and not a folder; move it away`)
  if (found.dev !== device) return obstacle("another file system, where a rename can't reach; unmount it")
  accessSync(absolute, constants.W_OK | constants.X_OK)
  return { kind: 'there' }
}

/** @param adopt whether a file that somebody else wrote may be replaced */
export function judgeFile(places: Places, known: Version | null, wanted: Incoming, adopt: boolean): Verdict {
  const obstacle = places.obstacle(wanted.path)
  if (obstacle !== null) return { kind: 'conflict', conflict: obstacle }
  const there = places.look(wanted.path)
  if (there === null) return { kind: 'write', found: null }
  if (!there.isFile()) return inTheWay(wanted.path, there)
  const identity = identityOf(there)
  if (identity === known?.identity && wanted.sha256 === known.sha256) return { kind: 'same', identity }
  const found = read(places, wanted.path, identity)
  if (found.sha256 === wanted.sha256) return { kind: 'same', identity }
  if (found.sha256 === known?.sha256 || adopt) return { kind: 'write', found }
  return known === null ? foreign(wanted.path) : edited(wanted.path)
}

/** For a file of ours that is to go. */
export function judgeRemoval(places: Places, known: Version, adopt: boolean): Removal {
  const obstacle = places.obstacle(known.path)
  if (obstacle !== null) return { kind: 'conflict', conflict: obstacle }
  const there = places.look(known.path)
  if (there === null) return { kind: 'remove', found: null }
  if (!there.isFile()) return inTheWay(known.path, there)
  const found = read(places, known.path, identityOf(there))
  return found.sha256 === known.sha256 || adopt ? { kind: 'remove', found } : edited(known.path)
}

function read({ base }: Places, path: string, identity: string): Found {
  const bytes = readFileSync(join(base ?? '', path))
  return { sha256: sha256Of(bytes), identity, bytes }
}

const blocked = (path: string, what: Obstacle, message: string): Blocked => ({
  kind: 'conflict',
  conflict: conflictAt(path, what, message),
})

const inTheWay = (path: string, found: Stats): Blocked =>
  blocked(path, 'in the way', `${kindOf(found)} is in the way; move it away`)

const foreign = (path: string): Blocked =>
  blocked(path, 'foreign', `was not written by Bootstead and is left alone; --adopt ${path} replaces it`)

export const editedMessage = (path: string): string =>
  `was changed by somebody else and is left alone; --adopt ${path} replaces it`

const edited = (path: string): Blocked => blocked(path, 'edited', editedMessage(path))

function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a folder'
  if (found.isSymbolicLink()) return 'a symbolic link'
  return found.isFile() ? 'a file' : 'a device, pipe or socket'
}

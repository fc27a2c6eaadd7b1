// What the disk door writes: files in sections, so that whose lines are whose is known without reading them back.

/** Consecutive lines of one machine, or of none (heads, networks). Ends in a newline. */
export type Section = Readonly<{ machine: string | null; text: string }>

/** `path` is relative to the target's folder: `pxelinux.cfg/01-00-00-5e-00-53-01`, `hosts.conf`. */
export type DiskFile =
  | Readonly<{ kind: 'text'; path: string; sections: readonly Section[] }>
  /** A loader: the bytes of a file that lies elsewhere. */
  | Readonly<{ kind: 'copy'; path: string; source: string; sha256: string }>

/** What a file should hold and doesn't: the machine is withheld, or has what the daemon can't express. */
export type LeftOut = Readonly<{
  kind: 'left-out'
  /** Null when it is no machine's: an image. */
  machine: string | null
  why: string
}>

// What the disk door writes: files in sections, so that whose lines are whose is known without reading them back.

/** Consecutive lines of one machine, or of none (heads, networks). Ends in a newline. */
export type Section = Readonly<{ machine: string | null; text: string }>

/** `path` is relative to the target's folder: `pxelinux.cfg/01-00-00-5e-00-53-01`, `hosts.conf`. */
export type DiskFile =
  | Readonly<{ kind: 'text'; path: string; sections: readonly Section[] }>
  /** A loader: the bytes of a file that lies elsewhere. */
  | Readonly<{ kind: 'copy'; path: string; source: string; sha256: string }>

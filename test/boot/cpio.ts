// The archive format of an initramfs: "newc", as Linux's Documentation/driver-api/early-userspace/buffer-format.rst draws it.

export interface CpioEntry {
  /** Without a leading slash. */
  readonly path: string
  /** File type and permission bits as in stat's st_mode. */
  readonly mode: number
  /** A file's bytes or a symbolic link's target. */
  readonly content?: Buffer
  readonly device?: { readonly major: number; readonly minor: number }
}

export const folder = (path: string, permissions = 0o755): CpioEntry => ({ path, mode: 0o040000 | permissions })
export const file = (path: string, content: Buffer, permissions = 0o644): CpioEntry => ({
  path,
  mode: 0o100000 | permissions,
  content,
})
export const link = (path: string, target: string): CpioEntry => ({
  path,
  mode: 0o120777,
  content: Buffer.from(target),
})
export const characterDevice = (path: string, major: number, minor: number): CpioEntry => ({
  path,
  mode: 0o020600,
  device: { major, minor },
})

/** Everything belongs to root and has no time, so equal entries give equal bytes. */
export const encodeCpio = (entries: readonly CpioEntry[]): Buffer =>
  Buffer.concat([...entries.map(encodeEntry), encodeEntry({ path: 'TRAILER!!!', mode: 0 }, 0)])

const encodeEntry = (entry: CpioEntry, index: number): Buffer => {
  const content = entry.content ?? Buffer.alloc(0)
  const name = Buffer.from(`${entry.path}\0`)
  const links = 1
  const fields = [
    index + 1, // inode: any number not used twice
    entry.mode,
    0, // owner
    0, // group
    links,
    0, // time
    content.length,
    0, // the device that holds the file
    0,
    entry.device?.major ?? 0,
    entry.device?.minor ?? 0,
    name.length,
    0, // checksum: unused in newc
  ]
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`)
  return Buffer.concat([padded(Buffer.concat([header, name])), padded(content)])
}

const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])

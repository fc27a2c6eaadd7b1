// Which programs of this host have a UDP port. With SO_REUSEADDR several have the same one, and no error tells of it.
import { readdir, readFile, readlink } from 'node:fs/promises'
import { basename } from 'node:path'

/** Of a program of another user only root can tell which it is. */
export type PortHolder = Readonly<{ pid: number | null; program: string }>

/** In order of their numbers, this process among them. Elsewhere than on Linux nothing is known: none. */
export async function udpHolders(port: number): Promise<readonly PortHolder[]> {
  const tables = await Promise.all(['udp', 'udp6'].map((name) => readOrNothing(`/proc/self/net/${name}`)))
  const sockets = new Map(tables.flatMap((table) => socketsOn(table, port)))
  const pids = await ownersOf(new Set(sockets.keys()), (inode) => sockets.delete(inode))
  const named = await Promise.all(pids.map(async (pid) => ({ pid, program: await programOf(pid) })))
  const unnamed = [...new Set(sockets.values())].map((user) => ({ pid: null, program: `a program of user ${user}` }))
  return [...named, ...unnamed]
}

/** `dhcpd (process 812)` */
export const describeHolder = ({ pid, program }: PortHolder): string =>
  pid === null ? program : `${program} (process ${pid})`

const readOrNothing = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')

/** Inode and user of each line of proc(5)'s /proc/net/udp; ports are hexadecimal there. */
function socketsOn(table: string, port: number): readonly (readonly [string, string])[] {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return table.split('\n').flatMap((line) => {
    const [, local = '', , , , , , user = '', , inode = ''] = line.trim().split(/\s+/)
    return local.endsWith(end) ? [[inode, user] as const] : []
  })
}

/** Of a socket that several hold, whoever began last: systemd keeps those that it hands over. */
async function ownersOf(inodes: Set<string>, found: (inode: string) => void): Promise<readonly number[]> {
  const owners: number[] = []
  const numbers = inodes.size === 0 ? [] : (await readdir('/proc').catch(() => [])).map(Number)
  const others = numbers.filter((pid) => pid > 0 && pid !== process.pid).toSorted((a, b) => b - a)
  for (const pid of [process.pid, ...others]) {
    if (inodes.size === 0) break
    const held = (await socketsOf(pid)).filter((inode) => inodes.delete(inode))
    held.forEach(found)
    if (held.length > 0) owners.push(pid)
  }
  return owners.toSorted((a, b) => a - b)
}

/** None of a process that has ended meanwhile, or is another user's. */
async function socketsOf(pid: number): Promise<readonly string[]> {
  const folder = `/proc/${pid}/fd`
  const names = await readdir(folder).catch(() => [])
  const targets = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => '')))
  return targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [])
}

/** What Node runs, for it would be the name of all its programs. */
async function programOf(pid: number): Promise<string> {
  const [command = '', ...words] = (await readOrNothing(`/proc/${pid}/cmdline`)).split('\0')
  const script = basename(command) === 'node' ? words.find((word) => word !== '' && !word.startsWith('-')) : undefined
  return basename(script ?? command)
}

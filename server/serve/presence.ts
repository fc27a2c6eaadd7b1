// Servers that work on one inventory know of each other: each writes its own row every few seconds, and reads all.
import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Store } from '../inventory/store/open.ts'
import type { HeardServer, ServerKey } from '../inventory/store/servers.ts'
import { deleteServers, isForgotten, readServers, recordServer } from '../inventory/store/servers.ts'

export type OpenDoor = Readonly<{
  door: 'dhcp' | 'dhcp6' | 'tftp' | 'http' | 'admin'
  /** Address and port; null when it is closed. */
  at: string | null
  /** Why it is closed, or how it is open. */
  note: string
}>

export type OwnServer = ServerKey &
  Readonly<{
    version: string
    addresses: readonly string[]
    doors: readonly OpenDoor[]
    revision: number
    status: 'ok' | 'degraded'
  }>

export type KnownServer = Omit<OwnServer, 'status'> &
  Readonly<{
    status: string
    isThis: boolean
    /** How long nothing was heard of it. */
    silentMs: number
    /** It has stopped without saying so, or can't reach the database. */
    isStale: boolean
  }>

export type Presence = Readonly<{
  /** This one first. */
  servers: () => readonly KnownServer[]
  close: () => Promise<void>
}>

type Options = Readonly<{
  store: Store
  own: () => OwnServer
  log: Logger
  /** 10 s unless given. */
  everyMs?: number
  now?: () => number
}>

const [usualMs, missedBeats] = [10_000, 3]
/** A store that does not answer keeps no server from stopping. */
const partingMs = 2000

/** Begins at once; while the store is away the others grow stale. */
export function openPresence({ store, own, log, everyMs = usualMs, now = Date.now }: Options): Presence {
  let heard: Readonly<{ at: number; servers: readonly HeardServer[] }> = { at: now(), servers: [] }
  const beat = async (): Promise<void> => {
    try {
      await recordServer(store, rowOf(own()))
      const servers = await readServers(store)
      await deleteServers(store, servers.filter(isForgotten))
      heard = { at: now(), servers: servers.filter((one) => !isForgotten(one)) }
    } catch (error) {
      log.debug({ err: error }, 'other servers are not heard of while the inventory is away')
    }
  }
  const leave = (): Promise<void> =>
    deleteServers(store, [own()]).catch((error: unknown) =>
      log.debug({ err: error }, 'that this server stopped, the others will see from its silence'),
    )
  let running: Promise<void> | null = null
  /** A store that hangs is asked once, however long it does. */
  const beatUnlessRunning = (): void => void (running ??= beat().finally(() => (running = null)))
  beatUnlessRunning()
  const timer = setInterval(beatUnlessRunning, everyMs)
  return {
    servers: () => {
      const me = own()
      const since = Math.max(0, now() - heard.at)
      const others = heard.servers.filter(({ name, folder }) => name !== me.name || folder !== me.folder)
      return [
        { ...me, isThis: true, silentMs: 0, isStale: false },
        ...others.map((row) => knownServer(row, row.silentMs + since, missedBeats * everyMs)),
      ]
    },
    close: async () => {
      clearInterval(timer)
      const left = (running ?? Promise.resolve()).then(leave)
      await Promise.race([left, setTimeout(partingMs, undefined, { ref: false })])
    },
  }
}

const rowOf = ({ addresses, doors, ...own }: OwnServer) => ({
  ...own,
  addresses: JSON.stringify(addresses),
  doors: JSON.stringify(doors),
})

/** Written by servers alone, of whatever version. */
function knownServer(
  { name, folder, version, addresses, doors, revision, status }: HeardServer,
  silentMs: number,
  mostMs: number,
): KnownServer {
  return {
    ...{ name, folder, version, revision, status, silentMs },
    addresses: listOf(addresses) as readonly string[],
    doors: listOf(doors) as readonly OpenDoor[],
    isThis: false,
    isStale: silentMs > mostMs,
  }
}

function listOf(json: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(json)
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

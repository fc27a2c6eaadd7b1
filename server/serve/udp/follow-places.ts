// A socket at each place where a door is to be heard, opened and closed as this host's addresses come and go.
import type { Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import type { NetworkInterfaceInfo } from 'node:os'
import type { Logger } from 'pino'
import { closeNodeSocket } from './node-socket.ts'

export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>

export type FollowedPlaces = Readonly<{ port: number; close: () => Promise<void> }>

type Options<P> = Readonly<{
  /** Of several the first may choose, when it is 0. */
  port: number
  /** Where sockets are to be, while these are this host's interfaces. */
  places: (interfaces: Interfaces) => readonly P[]
  /** The same for the same place. */
  keyOf: (place: P) => string
  /**
   * `interfaces` gives those that were looked at last.
   * @throws Error whose cause is what bind() says
   */
  open: (place: P, port: number, interfaces: () => Interfaces) => Promise<Socket>
  /** Of these errors more can be known at the next look: an IPv6 address is only tentative in its first second. */
  isNotYetThere: (code: string) => boolean
  /** The protocol, for the log. */
  name: string
  log: Logger
  lookMs?: number
}>

const LOOK_MS = 3000

/** @throws what `places` throws at first, or `open` of a place that there is already */
export async function followPlaces<P>(options: Options<P>): Promise<FollowedPlaces> {
  const { keyOf, name, log, lookMs = LOOK_MS } = options
  const sockets = new Map<string, Socket>()
  const troubled = new Set<string>()
  const state = { interfaces: networkInterfaces() as Interfaces, port: options.port, isClosed: false }
  let timer: NodeJS.Timeout | undefined

  async function openAt(place: P): Promise<void> {
    const socket = await options.open(place, state.port, () => state.interfaces)
    if (state.isClosed) return closeNodeSocket(socket)
    sockets.set(keyOf(place), socket)
    state.port = socket.address().port
  }

  async function look(isFirst: boolean): Promise<void> {
    const places = new Map(options.places(state.interfaces).map((place) => [keyOf(place), place]))
    const gone = [...sockets].filter(([key]) => !places.has(key) && sockets.delete(key))
    await Promise.all(gone.map(([, socket]) => closeNodeSocket(socket)))
    for (const [key, place] of places) {
      if (sockets.has(key) || state.isClosed) continue
      await openAt(place).catch((error: unknown) => {
        if (isFirst && !options.isNotYetThere(codeOf(error))) throw error
        if (!troubled.has(key)) log.warn({ err: error }, `${name} can not listen here; trying again`)
        troubled.add(key)
      })
    }
  }

  function lookOn(): void {
    if (state.isClosed) return
    timer = setTimeout(() => {
      state.interfaces = networkInterfaces()
      looking = look(false).then(lookOn)
    }, lookMs)
  }

  async function close(): Promise<void> {
    state.isClosed = true
    clearTimeout(timer)
    const open = [...sockets.values()]
    sockets.clear()
    await Promise.all([...open.map(closeNodeSocket), looking])
  }

  let looking = look(true)
  try {
    await looking
  } catch (error) {
    looking = Promise.resolve()
    await close()
    throw error
  }
  lookOn()
  return { port: state.port, close }
}

const codeOf = (error: unknown): string =>
  (error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined)?.code : undefined) ?? ''

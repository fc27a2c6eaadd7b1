// What every interface of the inventory is told, kept by its MAC: worked out ahead, in moments between requests, and anew
// where a change touches it. So a hundred thousand machines that all ask for the first time are answered like one that
// asks again.
import type { MacAddress } from '../../inventory/address.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import type { TouchedRow } from '../../inventory/touched.ts'
import { machinesTouched } from '../../inventory/touched.ts'
import { derivedMac } from '../../inventory/xen-mac.ts'
import type { PlanContext } from '../../plan/boot.ts'
import type { StandingByMac } from '../../plan/dhcp/asker.ts'
import { standingByMac } from '../../plan/dhcp/asker.ts'
import type { Commons, Silence, Standing } from '../../plan/dhcp/standing.ts'
import type { Changed } from '../changes.ts'

type Standings = Readonly<{
  /** Of the context that holds now. */
  find: StandingByMac
  /** To be told in the turn of the event loop in which the snapshot becomes another; what nobody told of costs all that is kept. */
  changed: (changed: Changed) => void
  close: () => void
}>

/** Of each millisecond or more, so that whoever asks meanwhile waits no longer. */
const AHEAD_MS = 0.25
const PAUSE_MS = 1

/** Of more rows it is quicker to forget all than to look for whom they touch. */
const MOST_ROWS = 1000

export function openStandings(context: () => PlanContext): Standings {
  const kept = new Map<string, Standing | Silence>()
  const commons: Commons = new Map()
  let madeFrom: PlanContext = context()
  let work = ahead()
  let timer: NodeJS.Timeout | null = null
  let isClosed = false

  function find(mac: MacAddress): Standing | Silence | null {
    const now = context()
    if (now.snapshot !== madeFrom.snapshot || now.known !== madeFrom.known || now.server !== madeFrom.server)
      forgetAll(now)
    return kept.get(mac) ?? workOut(mac)
  }

  /** Of a MAC that nobody has nothing is kept: they are as many as anybody makes up. */
  function workOut(mac: MacAddress): Standing | Silence | null {
    const standing = standingByMac(madeFrom, mac, commons)
    if (standing !== null) kept.set(mac, standing)
    return standing
  }

  function forgetAll(now: PlanContext): void {
    kept.clear()
    commons.clear()
    madeFrom = now
    work = ahead()
    if (!isClosed) timer ??= setTimeout(workAhead, PAUSE_MS).unref()
  }

  function changed(all: Changed): void {
    const now = context()
    const rows = all?.filter(({ table }) => table !== 'tokens')
    if (rows === undefined || rows.length > MOST_ROWS || rows.some(isShared) || now.known !== madeFrom.known)
      return forgetAll(now)
    for (const hostname of machinesTouched(madeFrom.snapshot, now.snapshot, rows))
      for (const snapshot of [madeFrom.snapshot, now.snapshot])
        for (const mac of macsOf(snapshot, hostname)) kept.delete(mac)
    madeFrom = now
  }

  function* ahead(): Generator<void> {
    for (const mac of madeFrom.snapshot.byMac.keys()) {
      try {
        if (!kept.has(mac)) workOut(mac)
      } catch {
        // its own request is where that is to be told
      }
      yield
    }
  }

  function workAhead(): void {
    const began = performance.now()
    let isDone = false
    while (!isDone && performance.now() - began < AHEAD_MS) isDone = work.next().done === true
    timer = isDone ? null : setTimeout(workAhead, PAUSE_MS).unref()
  }

  timer = setTimeout(workAhead, PAUSE_MS).unref()
  return {
    find,
    changed,
    close: () => {
      isClosed = true
      clearTimeout(timer ?? undefined)
    },
  }
}

/** Of very many machines, perhaps. */
const isShared = ({ table }: TouchedRow): boolean => table !== 'machines' && table !== 'interfaces'

function macsOf(snapshot: Snapshot, hostname: string): readonly MacAddress[] {
  const isGuest = (snapshot.machines.get(hostname)?.dom0 ?? null) !== null
  return (snapshot.interfaces.get(hostname) ?? []).flatMap(
    ({ name, mac }) => mac ?? (isGuest ? derivedMac(hostname, name) : []),
  )
}

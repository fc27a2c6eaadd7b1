// A clock for commands that wait: each wait moves it on, and what is to happen meanwhile happens.
import { join } from 'node:path'
import type { Io } from '../../../server/cli/io.ts'
import type { ScreenSize } from '../../../server/cli/screen.ts'
import type { Store } from '../../../server/inventory/store/open.ts'
import { closeStore, openStore } from '../../../server/inventory/store/open.ts'
import { recordConsoles, recordEvents } from '../../../server/inventory/store/record.ts'
import type { Cli } from './cli.ts'
import { noon } from './cli.ts'

/** What others do, by the seconds after noon at which they do it. */
export type Script = Readonly<Record<number, (store: Store, at: string) => Promise<unknown>>>

type Clockwork = Pick<Io, 'now' | 'wait' | 'stoppable' | 'screen'> & Readonly<{ stop: () => void }>

export const inventoryOf = (cli: Cli): string => `sqlite:${join(cli.folder, 'state/inventory.sqlite')}`

const mostWaits = 100_000

export function clockwork(address: string, script: Script, screen: ScreenSize | null = null): Clockwork {
  const clock = { now: noon, waits: 0 }
  const stopping = new AbortController()
  const perform = async (from: number, to: number): Promise<void> => {
    const due = Object.entries(script).filter(([second]) => Number(second) > from && Number(second) <= to)
    if (due.length === 0) return
    const store = openStore(address)
    for (const [second, act] of due) await act(store, new Date(noon + Number(second) * 1000).toISOString())
    await closeStore(store)
  }
  return {
    now: () => clock.now,
    screen: () => screen,
    stop: () => stopping.abort(),
    stoppable: (work) => work(stopping.signal),
    wait: async (milliseconds) => {
      if (++clock.waits > mostWaits) throw new Error('the command waits without end')
      const before = clock.now
      clock.now += milliseconds
      await perform((before - noon) / 1000, (clock.now - noon) / 1000)
    },
  }
}

type Told = Readonly<{ detail?: string; progress?: number; door?: string; console?: string }>

/** `says('acas0002', 'installing', { progress: 40 })`: a report that the server has taken. */
export function says(machine: string, stage: string, told: Told = {}) {
  return async (store: Store, at: string): Promise<void> => {
    const { detail = null, progress = null, door = 'http', console } = told
    await recordEvents(store, [{ machine, at, stage, detail, progress, door, peer: null }])
    if (console !== undefined) await recordConsoles(store, [{ machine, at, tail: console }])
  }
}

/** Several at once. */
export const all =
  (...acts: readonly Script[number][]) =>
  async (store: Store, at: string): Promise<void> => {
    for (const act of acts) await act(store, at)
  }

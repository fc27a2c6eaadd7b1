// What happens to a machine, as events: one for each sign, not one for each packet or report.
import { LRUCache } from 'lru-cache'
import type { Stage } from '../plan/states.ts'
import type { ConsoleRow } from '../inventory/store/open.ts'
import type { NewEvent } from '../inventory/store/record.ts'
import { isoTime } from '../inventory/store/record.ts'

/** What a door noticed. */
export type Sign = Readonly<{
  machine: string
  stage: Stage
  detail: string
  door: 'dhcp' | 'dhcp6' | 'tftp' | 'http'
  peer: string
}>

/** What a machine, or its Dom0 for it, reported. */
type Report = Readonly<{
  event: NewEvent
  /** Which of the machine's installs it is about: after another arming the same words are news. */
  install: string
  console: string | null
}>

export type Timeline = Readonly<{
  note: (sign: Sign) => void
  /** A machine that repeats itself, for however long, makes no event, but was heard of. */
  report: (report: Report) => void
}>

type Options = Readonly<{ record: (event: NewEvent) => void; hear: (heard: ConsoleRow) => void }>

/** A door's sign straight after itself, within this time, is one sign: firmware asks for everything several times. */
const repeatMs = 10_000

/**
 * A boot makes some tens of signs, with GRUB's modules a hundred. Requests can be forged with any machine's MAC, and each a
 * little different: beyond this an event for each would bury the timeline, and fill the database.
 */
const signsPerMinute = 200
const minuteMs = 60_000

/** Of which the last is remembered: who was heard longest ago is forgotten. */
const mostMachines = 131_072

/** Of one machine: what it said last, and how much in this minute. */
type Memory = { sign: string; at: number; minuteBegan: number; signs: number }

export function openTimeline({ record, hear }: Options): Timeline {
  const memories = new LRUCache<string, Memory>({ max: mostMachines })
  const isRepeated = (machine: string, sign: string, at: number, withinMs: number): boolean => {
    const memory = memories.get(machine)
    if (memory === undefined) {
      memories.set(machine, { sign, at, minuteBegan: at, signs: 0 })
      return false
    }
    if (memory.sign === sign && at - memory.at < withinMs) return true
    memory.sign = sign
    memory.at = at
    return false
  }
  const isTooMuch = (machine: string, at: number): boolean => {
    const memory = memories.get(machine)
    if (memory === undefined) return false
    if (at - memory.minuteBegan >= minuteMs) {
      memory.minuteBegan = at
      memory.signs = 0
    }
    return ++memory.signs > signsPerMinute
  }
  return {
    note: ({ machine, stage, detail, door, peer }) => {
      const now = Date.now()
      if (isRepeated(machine, `${stage}\n${detail}`, now, repeatMs) || isTooMuch(machine, now)) return
      record({ machine, at: isoTime(now), stage, detail, progress: null, door, peer })
    },
    report: ({ event, install, console }) => {
      const { machine, at, stage, progress, detail } = event
      const sign = [install, stage, progress, detail].join('\n')
      const repeats = isRepeated(machine, sign, Date.parse(at), Infinity)
      if (!repeats) record(event)
      if (repeats || console !== null) hear({ machine, at, tail: console })
    },
  }
}

// What the doors notice of a machine, as events: one for each sign, not one for each packet.
import { LRUCache } from 'lru-cache'
import type { Stage } from '../plan/states.ts'
import type { NewEvent } from '../inventory/store/record.ts'
import { isoTime } from '../inventory/store/record.ts'

export type Sign = Readonly<{
  machine: string
  stage: Stage
  detail: string
  door: 'dhcp' | 'tftp' | 'http'
  peer: string
}>
export type Timeline = Readonly<{ note: (sign: Sign) => void }>

/** The same sign straight after itself, within this time, is one sign: firmware asks for everything several times. */
const repeatMs = 10_000

export function openTimeline(record: (event: NewEvent) => void): Timeline {
  const last = new LRUCache<string, string>({ max: 50_000, ttl: repeatMs })
  return {
    note: ({ machine, stage, detail, door, peer }) => {
      const sign = `${stage}\n${detail}`
      if (last.get(machine) === sign) return
      last.set(machine, sign)
      record({ machine, at: isoTime(Date.now()), stage, detail, progress: null, door, peer })
    },
  }
}

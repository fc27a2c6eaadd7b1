// Who asked for an address in vain: strangers, withheld machines, machines on another network than theirs.
import { LRUCache } from 'lru-cache'
import type { Logger } from 'pino'
import type { DhcpMessage } from '../../plan/dhcp/message.ts'
import { NO_ADDRESS } from '../../plan/dhcp/message.ts'
import { clientArchitecture, formatMac, machineUuid, vendorClass } from '../../plan/dhcp/options.ts'
import { isoTime } from '../../inventory/store/record.ts'
import type { DhcpVia } from './door.ts'
import { onceAnHour, quietLog } from '../quiet.ts'
import type { SeenClient } from './seen-file.ts'
import { readSeen, writeSeen } from './seen-file.ts'

type Unserved = Readonly<{ why: string; machine: string | null }>

export type Seen = Readonly<{
  note: (asking: Asking, unserved: Unserved) => void
  /** It has been answered. */
  forget: (mac: string) => void
  close: () => Promise<void>
}>

/** Whoever asked longest ago goes first: what a flood of made-up MACs can take is a megabyte. */
const maxClients = 4096
const linesPerMinute = 20
const saveAfterMs = 5000

export async function openSeen({ stateDir, log }: Readonly<{ stateDir: string; log: Logger }>): Promise<Seen> {
  const clients = new LRUCache<string, SeenClient>({ max: maxClients })
  for (const client of (await earlier(stateDir, log)).toReversed()) clients.set(client.mac, client)
  const isNews = onceAnHour(maxClients)
  const quiet = quietLog(log, linesPerMinute, 'bootstead seen')
  const saving: { timer: NodeJS.Timeout | null; running: Promise<void> } = { timer: null, running: Promise.resolve() }
  const save = (): void => {
    if (saving.timer === null) return
    clearTimeout(saving.timer)
    saving.timer = null
    saving.running = saving.running
      .then(() => writeSeen(stateDir, [...clients.values()]))
      .catch((err: unknown) => log.error({ err }, 'the list of clients seen can not be written'))
  }
  const saveSoon = (): void => void (saving.timer ??= setTimeout(save, saveAfterMs))
  return {
    note: (asking, { why, machine }) => {
      const now = isoTime(Date.now())
      const { firstAt = now, count = 0 } = clients.get(asking.mac) ?? {}
      const client = { ...asking, why, machine, firstAt, lastAt: now, count: count + 1 }
      clients.set(client.mac, client)
      if (isNews(`${client.mac} ${client.why}`)) quiet.info(factsOf(client), 'dhcp: no answer')
      saveSoon()
    },
    forget: (mac) => {
      if (clients.delete(mac)) saveSoon()
    },
    close: async () => {
      quiet.close()
      save()
      await saving.running
    },
  }
}

async function earlier(stateDir: string, log: Logger): Promise<readonly SeenClient[]> {
  try {
    return (await readSeen(stateDir)) ?? []
  } catch (err) {
    log.warn({ err }, 'the list of clients seen begins anew')
    return []
  }
}

/** Who asks, and from where. */
export type Asking = Omit<SeenClient, 'why' | 'machine' | 'firstAt' | 'lastAt' | 'count'>

export function askingBy(request: DhcpMessage, { sender, arrival }: DhcpVia): Asking {
  const vendor = vendorClass(request)
  return {
    mac: hardwareAddress(request),
    vendorClass: vendor === null ? null : printable(vendor),
    architecture: clientArchitecture(request),
    uuid: machineUuid(request),
    via: request.giaddr === NO_ADDRESS ? (arrival?.interface ?? sender.address) : request.giaddr,
  }
}

const factsOf = ({ mac, machine, why, vendorClass: vendor, architecture, uuid, via }: SeenClient) => ({
  mac,
  why,
  via,
  ...(machine === null ? {} : { machine }),
  ...(vendor === null ? {} : { vendorClass: vendor }),
  ...(architecture === null ? {} : { architecture }),
  ...(uuid === null ? {} : { uuid }),
})

export const hardwareAddress = ({ chaddr }: DhcpMessage): string =>
  formatMac(chaddr) ?? Buffer.from(chaddr).toString('hex')

/** It comes from anybody, and goes to terminals. */
export const printable = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 80)

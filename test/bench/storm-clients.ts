// Machines that are powered on one after the other, all in one process: `node --import tsx storm-clients.ts JOB`. Each asks
// for an address by way of a relay, fetches iPXE over TFTP in lock-step as firmware does, asks again as iPXE, and fetches
// its menu, kernel, initrd and install file over HTTP, all from its own address. It prints its figures as JSON.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { MacAddress } from '../../server/inventory/address.ts'
import type { DhcpMessage } from '../../server/plan/dhcp/message.ts'
import { MESSAGE_TYPE, OPTION } from '../../server/plan/dhcp/message.ts'
import { ipv4List, messageType, serverIdentifier, u8 } from '../../server/plan/dhcp/options.ts'
import type { AskingStage } from '../../server/plan/dhcp/request.ts'
import { discoverFrom } from '../../server/plan/dhcp/request.ts'
import { decodeDhcp, encodeDhcp } from '../../server/render/dhcp.ts'
import { relayAddress, serverAddress } from './dhcp-client.ts'
import { ipOf, macOf } from './farm.ts'
import { quantile } from './figures.ts'
import { openBrowser } from './storm-http.ts'
import { openTftpClients } from './storm-tftp.ts'

export type StormJob = Readonly<{ machines: number; withinSeconds: number }>

export type Storm = Readonly<{
  booted: number
  /** Why machines did not boot, the first few of them. */
  troubles: readonly string[]
  /** From the first machine's power-on to the last one's end, and one machine's, in seconds. */
  last: number
  p50: number
  p99: number
  bytes: Readonly<{ tftp: number; http: number }>
  /** What was sent again because no answer came. */
  repeats: Readonly<{ dhcp: number; tftp: number }>
  /** Processor time of this process, seconds. */
  cpu: number
}>

/** As firmware waits: UEFI 2.10 §24.3, PXE 2.1 §2.4. */
const dhcpWaitsMs = [4000, 8000, 16_000]

async function boot(machine: number): Promise<void> {
  const own = ipOf(machine)
  const loader = await relay.lease(machine, 'firmware')
  const octets = await tftp.fetch(own, loader)
  bytes.tftp += octets
  const script = new URL(await relay.lease(machine, 'ipxe'))
  const browser = await openBrowser(own, serverAddress)
  try {
    const menu = await menuAt(browser, script, machine)
    const installFile = /(?:inst\.)?ks=(\S+)/.exec(menu)?.[1]
    const files = [...menu.matchAll(/^\s*(?:kernel|initrd)\s+(?:--name \S+ )?(\S+)/gm)].map(([, url]) => url)
    if (installFile === undefined || files.length < 2) throw new Error(`the menu boots no installer:\n${menu}`)
    for (const url of [...files, installFile]) await browser.fetch(new URL(url ?? '', script))
  } finally {
    bytes.http += browser.close()
  }
}

/** Where DHCP can't name a machine's own script, a common one leads to it. */
async function menuAt(browser: Awaited<ReturnType<typeof openBrowser>>, script: URL, machine: number): Promise<string> {
  const text = await browser.fetch(script)
  return script.pathname.endsWith('/boot.ipxe') ? browser.fetch(new URL(`/ipxe/${macOf(machine)}.ipxe`, script)) : text
}

/** Gets machines their leases; the boot file is what it resolves with. */
async function openRelay() {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 })
  socket.bind(67, relayAddress)
  await once(socket, 'listening')
  const waiting = new Map<number, (reply: DhcpMessage) => void>()
  const count = { repeats: 0, xid: 1 }
  socket.on('message', (datagram) => {
    const reply = decodeDhcp(datagram)
    waiting.get(reply.xid)?.(reply)
  })
  const ask = async (request: DhcpMessage, wanted: 'OFFER' | 'ACK'): Promise<DhcpMessage> => {
    const xid = count.xid++
    const octets = encodeDhcp({ ...request, xid, hops: 1, giaddr: relayAddress, broadcast: false }, { maxSize: 1472 })
    try {
      for (const wait of dhcpWaitsMs) {
        const answer = new Promise<DhcpMessage | null>((resolve) => {
          const timer = setTimeout(() => resolve(null), wait)
          waiting.set(xid, (reply) => {
            if (messageType(reply) !== wanted) return
            clearTimeout(timer)
            resolve(reply)
          })
        })
        socket.send(octets, 67, serverAddress)
        const reply = await answer
        if (reply !== null) return reply
        count.repeats++
      }
    } finally {
      waiting.delete(xid)
    }
    throw new Error(`no ${wanted}`)
  }
  const lease = async (machine: number, stage: AskingStage): Promise<string> => {
    const discover = discoverFrom(macOf(machine) as MacAddress, 'uefi-x64', stage)
    const offer = await ask(withParameters(discover), 'OFFER')
    const chosen = new Map<number, Uint8Array>([
      ...discover.options,
      [OPTION.messageType, u8(MESSAGE_TYPE.REQUEST)],
      [OPTION.requestedAddress, ipv4List([offer.yiaddr])],
      [OPTION.serverIdentifier, ipv4List([serverIdentifier(offer) ?? ''])],
    ])
    const ack = await ask(withParameters({ ...discover, options: chosen }), 'ACK')
    if (ack.yiaddr !== ipOf(machine)) throw new Error(`was given ${ack.yiaddr}`)
    return Buffer.from(ack.options.get(OPTION.bootfile) ?? [])
      .toString('latin1')
      .replace(/\0$/, '')
  }
  return { lease, repeats: () => count.repeats, close: () => socket.close() }
}

const withParameters = (request: DhcpMessage): DhcpMessage => ({
  ...request,
  options: new Map([
    ...request.options,
    [OPTION.parameterRequestList, Uint8Array.of(1, 3, 6, 12, 15, 42, 43, 60, 66, 67)],
  ]),
})

const job = JSON.parse(process.argv[2] ?? '') as StormJob
const relay = await openRelay()
const tftp = openTftpClients(serverAddress)
const durations: number[] = []
const troubles: string[] = []
const bytes = { tftp: 0, http: 0 }

const began = performance.now()
await Promise.all(
  Array.from({ length: job.machines }, async (_, at) => {
    await new Promise((resolve) => setTimeout(resolve, (at * job.withinSeconds * 1000) / job.machines))
    const poweredOn = performance.now()
    await boot(at + 1).then(
      () => durations.push(performance.now() - poweredOn),
      (error: unknown) => troubles.push(`${macOf(at + 1)}: ${String(error)}`),
    )
  }),
)
const last = (performance.now() - began) / 1000
tftp.close()
relay.close()
const { user, system } = process.cpuUsage()
console.log(
  JSON.stringify({
    booted: durations.length,
    troubles: troubles.slice(0, 5),
    last,
    p50: quantile(durations, 0.5) / 1000,
    p99: quantile(durations, 0.99) / 1000,
    bytes,
    repeats: { dhcp: relay.repeats(), tftp: tftp.repeats() },
    cpu: (user + system) / 1e6,
  } satisfies Storm),
)

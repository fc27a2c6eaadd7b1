// In a network namespace of its own, as root: doors on all addresses while addresses come and go. Prints who answered whom.
import { execFileSync } from 'node:child_process'
import { openTftpDoor } from '../../../../server/serve/tftp/door.ts'
import { TftpTestClient } from '../../../protocol/tftp-client.ts'
import { log, WAYS, type Way } from '../../../protocol/tftp-stage.ts'

const ip = (line: string): Buffer => execFileSync('ip', line.split(' '))
const way = process.argv[2] as Way
const addresses = ['192.0.2.1', '192.0.2.2', '198.51.100.1']
const v6 = '2001:db8::1'
for (const line of ['link set lo up', ...addresses.map((address) => `address add ${address}/24 dev lo`)]) ip(line)
ip(`address add ${v6}/64 dev lo nodad`)

const bytes = new Uint8Array(3000)
const open = async (address: string) =>
  openTftpDoor({
    address,
    port: 69,
    log,
    lookMs: 20,
    graceMs: 0,
    lines: await WAYS[way](),
    resolve: () => ({ kind: 'bytes', bytes }),
  })

/** Who answered a client at `from` that asked `server`. */
async function whoAnswers(server: string, from: string): Promise<readonly string[]> {
  const client = await TftpTestClient.open({ address: from, server })
  const got = await client.fetch(69, 'file')
  if (got.length !== bytes.length) throw new Error(`${got.length} octets`)
  await client.close()
  return [...new Set(client.received.map(({ address }) => address))]
}

/** A look may not have come yet: asked until it answers, or until patience ends. */
async function untilAnswers(server: string, from: string): Promise<readonly string[]> {
  for (const began = performance.now(); ;) {
    const found = await whoAnswers(server, from).catch((error: unknown) => error as Error)
    if (!(found instanceof Error)) return found
    if (performance.now() - began > 15_000) throw found
    await new Promise((later) => setTimeout(later, 50))
  }
}

const answered: Record<string, readonly string[]> = {}
const ofFamily = await open('0.0.0.0')
for (const server of addresses) answered[server] = await whoAnswers(server, '192.0.2.2')
await ofFamily.close()
const ofBoth = await open('::')
answered[`${addresses[1]} of both families`] = await whoAnswers('192.0.2.2', '192.0.2.1')
answered[v6] = await whoAnswers(v6, v6)

ip('address add 203.0.113.9/24 dev lo')
await waitForListener('203.0.113.9', true)
answered['later 203.0.113.9'] = await untilAnswers('203.0.113.9', '192.0.2.1')
ip('address del 203.0.113.9/24 dev lo')
await waitForListener('203.0.113.9', false)
ip('address add 203.0.113.9/24 dev lo')
await waitForListener('203.0.113.9', true)
answered['again 203.0.113.9'] = await untilAnswers('203.0.113.9', '192.0.2.1')
await ofBoth.close()
process.stdout.write(JSON.stringify(answered))

/** Until the kernel's table of sockets has that address with port 69, or has it no more. */
async function waitForListener(address: string, isExpected: boolean): Promise<void> {
  for (const began = performance.now(); ;) {
    const hasIt = execFileSync('ss', ['-lunH'], { encoding: 'utf8' }).includes(`${address}:69`)
    if (hasIt === isExpected) return
    if (performance.now() - began > 15_000) throw new Error(`${address} is ${isExpected ? 'not' : 'still'} listened on`)
    await new Promise((later) => setTimeout(later, 20))
  }
}

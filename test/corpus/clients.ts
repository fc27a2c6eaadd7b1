// What operating systems' DHCP clients do while they are captured: get an address, keep it, give it back.
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ended } from '../boot/network.ts'
import type { DhcpProgram } from '../protocol/dhcp-programs.ts'
import { programs, startClient } from '../protocol/dhcp-programs.ts'
import type { CaptureLab, Place } from './lab.ts'
import { card, until } from './lab.ts'

/** Ends when the client plugged in there has sent all that it is to send. */
export type Story = (lab: CaptureLab, place: Place) => Promise<void>

const patienceMs = 30_000
const dhcpClients = join(import.meta.dirname, '../protocol/dhcp-clients')

const hasSent = (lab: CaptureLab, place: Place, type: string, count = 1): Promise<void> =>
  until(
    `${place.mac} sends ${count} kinds of ${type}`,
    () => lab.sent(place).before.filter(({ title }) => title.startsWith(`${type} `)).length >= count,
    patienceMs,
  )

/** Its DISCOVER and its REQUEST. */
export const configures =
  (program: DhcpProgram): Story =>
  async (lab, place) => {
    const host = await lab.plugHost(place)
    const client = await startClient(host, program)
    await hasSent(lab, place, 'REQUEST')
    await client.close()
    await host.close()
  }

/** And a renewal by unicast, and the RELEASE. */
export const udhcpcRenewsAndReleases: Story = async (lab, place) => {
  const host = await lab.plugHost(place)
  const client = await startClient(host, 'udhcpc')
  await client.said(/^bound /)
  client.process.kill('SIGUSR1')
  await client.said(/^renew /)
  client.process.kill('SIGUSR2')
  await hasSent(lab, place, 'RELEASE')
  await client.close()
  await host.close()
}

/** Somebody else answers ARP for the address that it is given. */
export const udhcpcDeclines: Story = async (lab, place) => {
  const squatter = await lab.addSquatter(place)
  const host = await lab.plugHost(place)
  const client = await startClient(host, 'udhcpc')
  await hasSent(lab, place, 'DECLINE')
  await client.close()
  await host.close()
  await squatter.close()
}

/** dhclient adds each to the end of its file when it has the ACK. */
const leasesIn = (file: string): number =>
  existsSync(file) ? readFileSync(file, 'latin1').split('lease {').length - 1 : 0

/** From its file of leases: INIT-REBOOT; and when it is told to give the address back: RELEASE. */
export const dhclientStartsAgain: Story = async (lab, place) => {
  const host = await lab.plugHost(place)
  const leases = join(lab.folder, 'leases')
  await writeFile(join(lab.folder, 'dhclient.conf'), '')
  const [program = '', ...words] = programs.dhclient.argv(lab.folder)
  for (const requests of [1, 2]) {
    const client = host.spawn(program, words, { stdio: 'ignore' })
    await hasSent(lab, place, 'REQUEST', requests)
    await until(`${leases} of ${place.mac}`, () => leasesIn(leases) === requests, patienceMs)
    await ended(client)
  }
  await host.run(program, ['-r', ...words])
  await hasSent(lab, place, 'RELEASE')
  await host.close()
}

/** An address that it has already, and the rest by INFORM. */
export const dhcpcdInforms: Story = async (lab, place) => {
  const host = await lab.plugHost(place)
  const alone = ['--mount', '--pid', '--fork', '--kill-child', join(dhcpClients, 'isolated')]
  const [program = '', ...words] = programs.dhcpcd.argv(lab.folder)
  await host.ip(`address add ${place.ip}/24 dev ${card}`)
  const client = host.spawn('unshare', [...alone, program, '--inform', ...words], { stdio: 'ignore' })
  await hasSent(lab, place, 'INFORM')
  await ended(client)
  await host.close()
}

import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pino } from 'pino'
import type { Logger } from 'pino'
import { OPTION } from '../../../../server/plan/dhcp/message.ts'
import { u16 } from '../../../../server/plan/dhcp/options.ts'
import type { DhcpVia } from '../../../../server/serve/dhcp/door.ts'
import { readSeen, writeSeen } from '../../../../server/serve/dhcp/seen-file.ts'
import { askingBy, openSeen } from '../../../../server/serve/dhcp/seen.ts'
import { silent, temporaryFolder } from '../../../fixtures.ts'
import { ask, pxe } from '../../plan/dhcp/asking.ts'

const via: DhcpVia = { sender: { address: '0.0.0.0', port: 68 }, arrival: null }
const stranger = { why: 'no interface of the inventory has it', machine: null }

function logLines(): Readonly<{ lines: Record<string, unknown>[]; log: Logger }> {
  const lines: Record<string, unknown>[] = []
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>)
  return { lines, log: pino({ base: null }, { write }) }
}

const macOf = (number: number): string =>
  ['02', '00', '00', ...[16, 8, 0].map((shift) => ((number >> shift) & 255).toString(16).padStart(2, '0'))].join(':')

describe('the list of clients seen', () => {
  test('tells of each who it is, from where it asked, why in vain, when first and last, and how often', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-11-23T10:00:00Z') })
    const stateDir = temporaryFolder(t)
    const seen = await openSeen({ stateDir, log: silent })
    const uuid = Uint8Array.of(0, 0x2e, 0x1c, 0x4d, 0x56, 0, 0, 0, 0x40, 0x80, 0, 0, 0, 0x5e, 0, 0x53, 1)
    const request = ask('DISCOVER', { giaddr: '192.0.2.254', options: [...pxe(7), [OPTION.machineUuid, uuid]] })
    seen.note(askingBy(request, via), stranger)
    t.mock.timers.setTime(Date.parse('2026-11-23T10:00:09Z'))
    seen.note(askingBy(request, via), stranger)
    await seen.close()
    assert.deepEqual(await readSeen(stateDir), [
      {
        ...stranger,
        mac: '00:00:5e:00:53:01',
        vendorClass: 'PXEClient:Arch:00007:UNDI:002001',
        architecture: 7,
        uuid: '564d1c2e-0000-4000-8000-00005e005301',
        via: '192.0.2.254',
        firstAt: '2026-11-23T10:00:00.000Z',
        lastAt: '2026-11-23T10:00:09.000Z',
        count: 2,
      },
    ])
  })

  test('is via the relay, or the interface, or the address that asked', async (t) => {
    const stateDir = temporaryFolder(t)
    const seen = await openSeen({ stateDir, log: silent })
    const arrival = { interface: 'eth1', addresses: [] }
    seen.note(askingBy(ask('DISCOVER', { mac: macOf(1) }), via), stranger)
    seen.note(askingBy(ask('DISCOVER', { mac: macOf(2) }), { ...via, arrival }), stranger)
    seen.note(askingBy(ask('DISCOVER', { mac: macOf(3), giaddr: '192.0.2.254' }), { ...via, arrival }), stranger)
    await seen.close()
    assert.deepEqual(
      (await readSeen(stateDir))?.map((client) => client.via),
      ['192.0.2.254', 'eth1', '0.0.0.0'],
    )
  })

  test('has nobody who has been answered since', async (t) => {
    const stateDir = temporaryFolder(t)
    const seen = await openSeen({ stateDir, log: silent })
    for (const mac of [macOf(1), macOf(2)]) seen.note(askingBy(ask('DISCOVER', { mac }), via), stranger)
    seen.forget(macOf(1))
    seen.forget(macOf(3))
    await seen.close()
    assert.deepEqual(
      (await readSeen(stateDir))?.map(({ mac }) => mac),
      [macOf(2)],
    )
  })

  test('goes on after a restart', async (t) => {
    const stateDir = temporaryFolder(t)
    for (const macs of [
      [1, 2],
      [3, 1],
    ]) {
      const seen = await openSeen({ stateDir, log: silent })
      for (const number of macs) seen.note(askingBy(ask('DISCOVER', { mac: macOf(number) }), via), stranger)
      await seen.close()
    }
    assert.deepEqual(
      (await readSeen(stateDir))?.map(({ mac, count }) => [mac, count]),
      [
        [macOf(1), 2],
        [macOf(3), 1],
        [macOf(2), 1],
      ],
    )
  })

  test('is bounded: of 10,000 made-up MACs the newest 4,096 stay, with 20 log lines and one that counts the rest', async (t) => {
    const stateDir = temporaryFolder(t)
    const { lines, log } = logLines()
    const seen = await openSeen({ stateDir, log })
    for (let number = 0; number < 10_000; number++)
      seen.note(askingBy(ask('DISCOVER', { mac: macOf(number) }), via), stranger)
    await seen.close()
    const clients = (await readSeen(stateDir)) ?? []
    assert.deepEqual([clients.length, clients[0]?.mac, clients.at(-1)?.mac], [4096, macOf(9999), macOf(5904)])
    assert.equal(lines.length, 21)
    assert.equal(lines.at(-1)?.['more'], 9980)
  })

  test('logs a client once an hour for each reason', async (t) => {
    const { lines, log } = logLines()
    const seen = await openSeen({ stateDir: temporaryFolder(t), log })
    for (const why of ['one', 'one', 'two'])
      seen.note(askingBy(ask('DISCOVER', { options: pxe() }), via), { why, machine: 'a' })
    await seen.close()
    assert.deepEqual(
      lines.map(({ why, machine, msg }) => [why, machine, msg]),
      [
        ['one', 'a', 'dhcp: no answer'],
        ['two', 'a', 'dhcp: no answer'],
      ],
    )
  })

  test('keeps what goes to terminals printable, and hardware addresses of any length', async (t) => {
    const stateDir = temporaryFolder(t)
    const seen = await openSeen({ stateDir, log: silent })
    const nasty = Buffer.from(`\x1b[2J${'x'.repeat(200)}`)
    const request = ask('DISCOVER', {
      options: [
        [OPTION.vendorClass, nasty],
        [OPTION.clientArchitecture, u16(0)],
      ],
    })
    seen.note(askingBy({ ...request, chaddr: Uint8Array.from({ length: 8 }, (_, index) => index) }, via), stranger)
    await seen.close()
    const [client] = (await readSeen(stateDir)) ?? []
    assert.deepEqual(
      [client?.mac, client?.vendorClass?.slice(0, 6), client?.vendorClass?.length],
      ['0001020304050607', '?[2Jxx', 80],
    )
  })
})

describe('the file', () => {
  test('is not there before anybody was seen', async (t) => {
    const stateDir = temporaryFolder(t)
    assert.equal(await readSeen(stateDir), null)
    await (await openSeen({ stateDir, log: silent })).close()
    assert.equal(await readSeen(stateDir), null)
  })

  test('that isn’t ours is an error that names it; the server begins anew and says so', async (t) => {
    const stateDir = temporaryFolder(t)
    for (const text of ['{', '{"format":2,"clients":[]}', '{"format":1,"clients":[{"mac":1}]}']) {
      writeFileSync(join(stateDir, 'seen.json'), text)
      await assert.rejects(readSeen(stateDir), (error: Error) => error.message.includes(join(stateDir, 'seen.json')))
    }
    const { lines, log } = logLines()
    const seen = await openSeen({ stateDir, log })
    seen.note(askingBy(ask('DISCOVER'), via), stranger)
    await seen.close()
    assert.equal((await readSeen(stateDir))?.length, 1)
    assert.equal(lines[0]?.['msg'], 'the list of clients seen begins anew')
  })

  test('is replaced whole, and nothing is left beside it', async (t) => {
    const stateDir = temporaryFolder(t)
    await writeSeen(stateDir, [])
    await writeSeen(stateDir, [])
    assert.deepEqual(await readSeen(stateDir), [])
    assert.deepEqual(readdirSync(stateDir), ['seen.json'])
  })

  test('that can’t be written is logged, and the server goes on', async (t) => {
    const { lines, log } = logLines()
    const seen = await openSeen({ stateDir: join(temporaryFolder(t), 'absent'), log })
    seen.note(askingBy(ask('DISCOVER'), via), stranger)
    await seen.close()
    assert.equal(lines.at(-1)?.['msg'], 'the list of clients seen can not be written')
  })
})

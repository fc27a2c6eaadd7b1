// Whatever the inventory, the database, a template, a disk or a client does: it is told in words, and the others are served.
import assert from 'node:assert/strict'
import type { Socket as UdpSocket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { sql } from 'kysely'
import { pino } from 'pino'
import { loadTemplates } from '../../server/cli/templates.ts'
import { allFindings } from '../../server/inventory/findings.ts'
import { migrateStore } from '../../server/inventory/store/migrations.ts'
import type { Store } from '../../server/inventory/store/open.ts'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import { readChanges, readEvents } from '../../server/inventory/store/read.ts'
import { recordArming } from '../../server/inventory/store/record.ts'
import { MESSAGE_TYPE, NO_ADDRESS, OPTION } from '../../server/plan/dhcp/message.ts'
import { messageType, u8 } from '../../server/plan/dhcp/options.ts'
import { decodeDhcp, encodeDhcp } from '../../server/render/dhcp.ts'
import { NoInventory } from '../../server/serve/live.ts'
import type { RunningServer, ServeOptions } from '../../server/serve/server.ts'
import { databases, flavours } from '../databases.ts'
import type { Flavour } from '../databases.ts'
import { fillStore, sqliteStore, startServer, temporaryFolder } from '../fixtures.ts'
import type { MariaDb } from '../mariadb.ts'
import { startMariaDb } from '../mariadb.ts'
import { TftpTestClient } from './tftp-client.ts'

/** Machines whose addresses are loopback's, so that each can ask from its own. */
const inventory = `
networks: {lab: {cidr: 127.0.0.0/8}}
images: {el9: {arch: x86_64, kernel: vmlinuz, initrd: initrd.img, tree_url: repo/el9}}
profiles: {el9: {family: el, version: "9", template: plain.ks, image: el9}}
machines:
  node1: {profile: el9, disk: sda, interfaces: {eth0: {mac: 02:00:00:00:00:01, ip: 127.0.0.11, network: lab}}}
  node2: {profile: el9, disk: sda, interfaces: {eth0: {mac: 02:00:00:00:00:02, ip: 127.0.0.12, network: lab}}}
  node3: {profile: el9, disk: sda, interfaces: {eth0: {mac: 02:00:00:00:00:03, ip: 127.0.0.13, network: lab}}}
`
const sources = new Map([...loadTemplates(null), ['plain.ks', 'text\n# for {{ machine.hostname }} with {{ token }}\n']])
const templates = { sources, names: new Set(['plain.ks']) }

const inventories = databases()

/** A store on either database, filled, and its address for another program. */
async function filledStore(t: TestContext, flavour: Flavour): Promise<Readonly<{ store: Store; at: string }>> {
  const at = await inventories.address(t, flavour)
  const store = openStore(at)
  t.after(() => closeStore(store))
  await migrateStore(store)
  await fillStore(store, inventory)
  return { store, at }
}

type Answer = Readonly<{ status: number; text: string; headers: IncomingHttpHeaders }>
type Ask = Readonly<{
  from?: string
  method?: string
  headers?: Readonly<Record<string, string>>
  body?: string | Buffer
}>

function ask(
  server: RunningServer,
  path: string,
  { from = '127.0.0.1', method = 'GET', headers = {}, body }: Ask = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { host: '127.0.0.1', port: server.ports.http ?? 0, path, method, localAddress: from, headers, agent: false },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(parts).toString(),
            headers: response.headers,
          }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

const report = (
  server: RunningServer,
  host: string,
  token: string,
  fields: Readonly<Record<string, string>>,
  from?: string,
): Promise<Answer> =>
  ask(server, `/events/${host}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
    ...(from === undefined ? {} : { from }),
  })

const menuOf = (host: number): string => `/ipxe/02:00:00:00:00:0${host}.ipxe`
const why = async (server: RunningServer, host: number): Promise<string> =>
  /^# [^:]*: (.*)$/m.exec((await ask(server, menuOf(host))).text)?.[1] ?? 'no menu'

async function arm(server: RunningServer, store: Store, ...hosts: readonly string[]): Promise<string> {
  await recordArming(store, hosts, { who: 'test', now: Date.now(), expiresAt: Date.now() + 3_600_000 })
  await server.live.catchUp()
  return tokenOf(server, hosts[0] ?? '')
}
function tokenOf(server: RunningServer, host: string): string {
  const live = (server.live.snapshot().tokens.get(host) ?? []).find(
    (one) => one.purpose === 'install' && one.used_at === null,
  )
  assert.ok(live)
  return live.secret
}

/** Only ever reached when something is wrong; no assertion depends on it. */
const patienceMs = 60_000
async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + patienceMs; Date.now() < end;) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`still not: ${what}`)
}

/** One machine's DHCP client, at the machine's own address. */
class DhcpTestClient {
  readonly #socket: UdpSocket
  readonly address: string
  readonly port: number

  static async open(t: TestContext, address: string, port = 0): Promise<DhcpTestClient> {
    const socket = createSocket('udp4')
    socket.bind(port, address)
    await once(socket, 'listening')
    t.after(() => socket.close())
    return new DhcpTestClient(socket)
  }
  private constructor(socket: UdpSocket) {
    this.#socket = socket
    const { address, port } = socket.address()
    this.address = address
    this.port = port
  }

  /** A renewal (RFC 2131 §4.3.2: unicast, ciaddr given), whose answer comes back to this socket. */
  send(server: RunningServer, host: number, ciaddr = this.address, xid = host): void {
    const none = NO_ADDRESS
    const chaddr = Uint8Array.of(2, 0, 0, 0, 0, host)
    const options = new Map([[OPTION.messageType, u8(MESSAGE_TYPE.REQUEST)]])
    const request = encodeDhcp(
      {
        op: 'request',
        htype: 1,
        hops: 0,
        xid,
        secs: 0,
        broadcast: false,
        ciaddr,
        yiaddr: none,
        siaddr: none,
        giaddr: none,
        chaddr,
        sname: '',
        file: '',
        options,
      },
      { maxSize: 576 },
    )
    this.#socket.send(request, server.ports.dhcp ?? 0, '127.0.0.1')
  }
  async next(): Promise<Readonly<{ xid: number; type: string | null; yiaddr: string }>> {
    const [datagram] = (await once(this.#socket, 'message', { signal: AbortSignal.timeout(patienceMs) })) as [Buffer]
    const reply = decodeDhcp(datagram)
    return { xid: reply.xid, type: messageType(reply), yiaddr: reply.yiaddr }
  }
}

for (const flavour of flavours)
  describe(`rows written by other programs, on ${flavour}`, () => {
    const started = async (t: TestContext, options: Partial<ServeOptions> = {}) => {
      const { store, at } = await filledStore(t, flavour)
      const other = openStore(at)
      t.after(() => closeStore(other))
      const server = await startServer(t, store, { templates, ...options })
      const write = async (statement: string): Promise<void> => {
        await sql.raw(statement).execute(other.db)
        await server.live.catchUp()
      }
      const found = (): readonly string[] =>
        [...allFindings(server.live.snapshot(), { templates: templates.names })].map(
          ({ machine, table, key, field, value }) => `${machine}: ${table} ${key} ${field}=${String(value)}`,
        )
      return { store, server, write, found }
    }

    test('a duplicate MAC withholds the two machines that have it; the third goes on at every door', async (t) => {
      const client = await DhcpTestClient.open(t, '127.0.0.13')
      const { server, write, found } = await started(t, { dhcpClientPort: client.port })
      const tftp = await TftpTestClient.open()
      t.after(() => tftp.close())
      await write("UPDATE interfaces SET mac = '02-00-00-00-00-01' WHERE machine = 'node2'")

      assert.deepEqual(found(), [
        'node1: interfaces node1/eth0 mac=02:00:00:00:00:01',
        'node2: interfaces node2/eth0 mac=02:00:00:00:00:01',
      ])
      const refused = await ask(server, menuOf(1))
      assert.equal(refused.status, 404)
      assert.match(
        refused.text,
        /^withheld: interfaces node1\/eth0: mac "02:00:00:00:00:01": node2\/eth0 has the same MAC; change one of them/,
      )

      assert.equal(await why(server, 3), 'boot is local')
      assert.match(
        (await tftp.fetch(server.ports.tftp ?? 0, 'pxelinux.cfg/01-02-00-00-00-00-03')).toString(),
        /LOCALBOOT/,
      )
      client.send(server, 1, '127.0.0.13', 1111) // silence: what comes next is the answer to the second
      client.send(server, 3)
      assert.deepEqual(await client.next(), { xid: 3, type: 'ACK', yiaddr: '127.0.0.13' })

      await write("UPDATE interfaces SET mac = '02:00:00:00:00:02' WHERE machine = 'node2'")
      assert.deepEqual([found(), await why(server, 1)], [[], 'boot is local'])
    })

    test('rows that can’t be read, and rows that don’t fit together, are all named and hide nobody', async (t) => {
      const { server, write, found } = await started(t)
      for (const statement of [
        "UPDATE machines SET boot = 'never', memory_mib = -5 WHERE hostname = 'node1'",
        "INSERT INTO machines (hostname, profile) VALUES ('Bad Name', 'el9')",
        "INSERT INTO machines (hostname, profile, dom0, vdisk) VALUES ('guest', 'el9', 'node2', '/dev/sda5')",
        "INSERT INTO interfaces (machine, name, mac, ip) VALUES ('nobody', 'eth0', '02:00:00:00:00:77', '198.51.100.7')",
        "INSERT INTO profiles (name, parent) VALUES ('loop', 'loop')",
        "INSERT INTO networks (name, cidr) VALUES ('odd', '192.0.2.1/24')",
        "INSERT INTO site (name, value) VALUES ('ntp', '{')",
      ])
        await write(statement)
      assert.deepEqual([...found()].toSorted(), [
        ': networks odd cidr=192.0.2.1/24',
        ': site ntp value={',
        'Bad Name: machines Bad Name hostname=Bad Name',
        'guest: machines guest dom0=node2',
        'guest: machines guest memory_mib=null',
        'nobody: interfaces nobody/eth0 machine=nobody',
        'node1: machines node1 boot=never',
        'node1: machines node1 memory_mib=-5',
      ])
      assert.match(
        (await ask(server, menuOf(1))).text,
        /^withheld: machines node1: memory_mib -5: expected a whole number of MiB/,
      )
      for (const host of [2, 3]) assert.equal(await why(server, host), 'boot is local')
    })

    test('a machine whose row turns bad during its install gets nothing more, but its report counts', async (t) => {
      const { store, server, write } = await started(t)
      const token = await arm(server, store, 'node1')
      await write("UPDATE machines SET memory_mib = -5 WHERE hostname = 'node1'")
      const kickstart = await ask(server, `/ks/node1?token=${token}`)
      assert.equal(kickstart.status, 404)
      assert.match(kickstart.text, /^node1 is not to be installed: withheld: machines node1: memory_mib -5/)
      assert.equal((await report(server, 'node1', token, { stage: 'installed' })).status, 200)
      await write("UPDATE machines SET memory_mib = 512 WHERE hostname = 'node1'")
      assert.equal(await why(server, 1), 'boot is local')
      assert.equal((await ask(server, `/ks/node1?token=${token}`)).status, 403)
    })

    test('a change of one row reaches all doors: the address by DHCP, the menu by HTTP and TFTP', async (t) => {
      const client = await DhcpTestClient.open(t, '127.0.0.12')
      const { server, write } = await started(t, { dhcpClientPort: client.port })
      const tftp = await TftpTestClient.open()
      t.after(() => tftp.close())
      const menu = async (): Promise<string> =>
        (await tftp.fetch(server.ports.tftp ?? 0, 'grub/grub.cfg-01-02-00-00-00-00-02')).toString()
      assert.match(await menu(), /boot is local/)
      client.send(server, 2)
      assert.equal((await client.next()).type, 'ACK')

      await write("UPDATE machines SET boot = 'hold' WHERE hostname = 'node2'")
      await write("UPDATE interfaces SET ip = '127.0.0.22' WHERE machine = 'node2'")
      assert.deepEqual(
        [await why(server, 2), /^# (.*)$/m.exec(await menu())?.[1]],
        ['boot is hold', 'node2: boot is hold'],
      )
      const moved = await DhcpTestClient.open(t, '127.0.0.22', client.port)
      moved.send(server, 2)
      assert.deepEqual(await moved.next(), { xid: 2, type: 'ACK', yiaddr: '127.0.0.22' })
    })

    test('DESIGN §3: another program that writes boot = install arms nothing', async (t) => {
      const { server, write } = await started(t)
      await write("UPDATE machines SET boot = 'install'")
      for (const host of [1, 2, 3])
        assert.match(
          await why(server, host),
          /^boot is install, but nobody armed it; arm it with: bootstead machine install node\d$/,
        )
      assert.equal((await ask(server, '/ks/node1')).status, 403)
    })
  })

describe('templates and files', () => {
  test('a template that is broken for one machine is a 500 that names template, line and machine; the others get theirs', async (t) => {
    const store = await sqliteStore(t, inventory)
    const broken = new Map([
      ...sources,
      ['machine/node1/plain.ks', 'text\n\n# {{ machine.colour }}\n'],
      ['machine/node2/pxe/grub.cfg', 'echo\n{% if %}\n'],
    ])
    const server = await startServer(t, store, { templates: { ...templates, sources: broken } })
    const tftp = await TftpTestClient.open()
    t.after(() => tftp.close())
    await arm(server, store, 'node1', 'node2')
    const kickstart = (host: string): Promise<Answer> => ask(server, `/ks/${host}?token=${tokenOf(server, host)}`)

    const undefinedName = await kickstart('node1')
    assert.equal(undefinedName.status, 500)
    assert.match(undefinedName.text, /^node1: template machine\/node1\/plain\.ks line 3: /)
    assert.ok(!undefinedName.text.includes(tokenOf(server, 'node1')))
    assert.equal((await kickstart('node2')).status, 200)

    const syntax = await ask(server, '/grub/grub.cfg-01-02-00-00-00-00-02')
    assert.equal(syntax.status, 500)
    assert.match(syntax.text, /^node2: template machine\/node2\/pxe\/grub\.cfg line 2: /)
    await assert.rejects(
      tftp.fetch(server.ports.tftp ?? 0, 'grub/grub.cfg-01-02-00-00-00-00-02'),
      /"kind":"error".*node2: template/,
    )
    assert.match(await why(server, 2), /^armed at/)
    assert.match((await ask(server, '/grub/grub.cfg-01-02-00-00-00-00-01')).text, /^linux /m)
  })

  test('a value that no guest configuration can say is a 500 that names it, and the Dom0’s other guests are served', async (t) => {
    const store = await sqliteStore(
      t,
      `
networks: {lab: {cidr: 127.0.0.0/8}}
profiles: {xen: {hypervisor: xen}, p: {}}
machines:
  dom0: {profile: xen, interfaces: {eth0: {mac: 02:00:00:00:00:01, ip: 127.0.0.11, network: lab, bridge: xenbr0}}}
  odd: {profile: p, dom0: dom0, vdisk: /dev/sda5, memory_mib: 512, params: {bootloader: 'a"b'}, interfaces: {eth0: {network: lab}}}
  even: {profile: p, dom0: dom0, vdisk: /dev/sda6, memory_mib: 512, interfaces: {eth0: {network: lab}}}`,
    )
    const server = await startServer(t, store, { templates })
    await recordArming(store, ['dom0'], { who: 'test', now: Date.now(), expiresAt: Date.now() + 3_600_000 })
    await server.live.catchUp()
    const pull = (path: string): Promise<Answer> =>
      ask(server, `/dom0/dom0/${path}`, { headers: { authorization: `Bearer ${tokenOf(server, 'dom0')}` } })
    const refused = await pull('xen/odd')
    assert.equal(refused.status, 500)
    assert.match(
      refused.text,
      /^odd: "a\\"b": a quote, backslash or control character can't stand in a guest configuration/,
    )
    assert.equal((await pull('xen/even')).status, 200)
    const manifest = (await pull('manifest')).text
    assert.match(manifest, /^file \w+ 0600 xen\/even .*\nkeep odd\nend 2\n$/m)
  })

  test('a missing image file is a 404 for that file, over HTTP and TFTP, and the menu that names it is served', async (t) => {
    const store = await sqliteStore(t, inventory)
    const stateDir = temporaryFolder(t)
    mkdirSync(join(stateDir, 'images/el9'), { recursive: true })
    writeFileSync(join(stateDir, 'images/el9/initrd.img'), 'initrd')
    const server = await startServer(t, store, { templates, stateDir })
    const tftp = await TftpTestClient.open()
    t.after(() => tftp.close())
    await arm(server, store, 'node1')
    assert.deepEqual(await ask(server, '/images/el9/vmlinuz').then(({ status, text }) => [status, text]), [
      404,
      'no such file\n',
    ])
    await assert.rejects(tftp.fetch(server.ports.tftp ?? 0, 'images/el9/vmlinuz'), /"code":1.*no such file/)
    assert.equal((await ask(server, '/images/el9/initrd.img')).text, 'initrd')
    assert.match(await why(server, 1), /^armed at/)
  })
})

describe('the database is away', () => {
  /** A server of its own, so that killing it hurts no other test. */
  const ownDatabase = async (
    t: TestContext,
  ): Promise<Readonly<{ database: MariaDb; at: string; opened: () => Store }>> => {
    const database = await startMariaDb()
    t.after(() => database.stop())
    database.sql('SET GLOBAL innodb_flush_log_at_trx_commit = 1') // a crash must not take back what was committed
    const at = database.newDatabase('farm')
    database.sql('FLUSH TABLES')
    const store = openStore(at)
    await migrateStore(store)
    await fillStore(store, inventory)
    await closeStore(store)
    const opened = (): Store => {
      const made = openStore(at)
      t.after(() => closeStore(made))
      return made
    }
    return { database, at, opened }
  }
  const health = async (
    server: RunningServer,
  ): Promise<Readonly<{ status: string; inventory: string; machines: number }>> =>
    JSON.parse((await ask(server, '/healthz')).text) as { status: string; inventory: string; machines: number }

  test('at the first start: nothing can be served, and that is said without the password', async (t) => {
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const { port } = probe.address() as AddressInfo
    probe.close()
    const store = openStore(`mysql://farm:geheim@127.0.0.1:${port}/farm`)
    t.after(() => closeStore(store))
    const stateDir = temporaryFolder(t)
    await assert.rejects(startServer(t, store, { templates, stateDir }), (error) => {
      assert.ok(error instanceof NoInventory)
      assert.match(
        error.message,
        /^the inventory mysql:\/\/farm:\*\*\*@127\.0\.0\.1:\d+\/farm can't be read \(.*ECONNREFUSED.*\) and there is no local copy of it in .*; start the database, or name another with --inventory$/,
      )
      return !error.message.includes('geheim')
    })
  })

  test('DESIGN §2: it dies while serving; an install reported meanwhile counts once, across a restart too', async (t) => {
    const { database, opened } = await ownDatabase(t)
    const stateDir = temporaryFolder(t)
    const first = await startServer(t, opened(), { templates, stateDir, tftpPort: null, dhcpPort: null })
    const store = opened()
    await sql.raw("INSERT INTO interfaces (machine, name, mac) VALUES ('node3', 'eth1', 'zz')").execute(store.db)
    const token = await arm(first, store, 'node1', 'node2')
    assert.match(await why(first, 1), /^armed at/)

    await database.kill()
    await first.live.catchUp()
    assert.equal((await health(first)).status, 'degraded')
    assert.match((await health(first)).inventory, /^away since \d{4}-\S+: .+/)
    assert.match(await why(first, 1), /^armed at/)
    assert.equal((await report(first, 'node1', token, { stage: 'installing' })).status, 202)
    const told = await report(first, 'node1', token, { stage: 'installed' })
    assert.deepEqual([told.status, told.text], [200, 'node1 boots from its disk from now on\n'])
    assert.equal(await why(first, 1), 'boot is local')
    assert.match((await report(first, 'node1', token, { stage: 'installed' })).text, /reported/)
    assert.equal(statSync(join(stateDir, 'journal.jsonl')).mode & 0o777, 0o600)
    assert.equal(statSync(join(stateDir, 'inventory-copy.jsonl')).mode & 0o777, 0o600)
    await first.close()

    const second = await startServer(t, opened(), { templates, stateDir, tftpPort: null, dhcpPort: null })
    assert.deepEqual([(await health(second)).status, (await health(second)).machines], ['degraded', 3])
    assert.equal(await why(second, 1), 'boot is local')
    assert.match(await why(second, 2), /^armed at/)
    assert.match((await ask(second, menuOf(3))).text, /^withheld: interfaces node3\/eth1: mac "zz"/) // the copy knows the bad rows too
    assert.equal((await ask(second, `/ks/node1?token=${token}`)).status, 403)
    assert.equal((await report(second, 'node1', token, { stage: 'installed' })).status, 200)

    await database.start()
    await until(async () => {
      assert.equal(await why(second, 1), 'boot is local', 'at no time is it told to install again')
      return (await health(second)).status === 'ok'
    }, 'the inventory is back by itself')
    await second.live.catchUp()
    assert.equal(await why(second, 1), 'boot is local')
    const again = opened()
    const events = await readEvents(again, 'node1', 100)
    assert.deepEqual(
      events.map(({ stage }) => stage).filter((stage) => stage.startsWith('install')),
      ['installing', 'installed'],
    )
    assert.equal(database.sql("SELECT boot FROM farm.machines WHERE hostname = 'node1'").trim(), 'local')
    assert.equal(database.sql("SELECT boot FROM farm.machines WHERE hostname = 'node2'").trim(), 'install')
    assert.equal(existsSync(join(stateDir, 'journal.jsonl')), false)
  })

  test('a change that was made while it was away, at the very machine, does not arm it again before the report is in', async (t) => {
    const { database, opened } = await ownDatabase(t)
    const server = await startServer(t, opened(), { templates, tftpPort: null, dhcpPort: null })
    const token = await arm(server, opened(), 'node1')
    const refuse = "BEFORE UPDATE ON farm.tokens FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not now'"
    database.sql(`CREATE TRIGGER farm.refuse ${refuse}`)
    assert.equal((await report(server, 'node1', token, { stage: 'installed' })).status, 200)
    database.sql("UPDATE farm.machines SET notes = 'moved to rack 7' WHERE hostname = 'node1'")
    await until(async () => {
      await server.live.catchUp()
      assert.equal(await why(server, 1), 'boot is local')
      return server.live.snapshot().machines.get('node1')?.notes === 'moved to rack 7'
    }, 'the note is seen')
    database.sql('DROP TRIGGER farm.refuse')
    await until(
      () => database.sql("SELECT boot FROM farm.machines WHERE hostname = 'node1'").trim() === 'local',
      'the report is in',
    )
  })

  test('DESIGN §7: a statement that fails is logged without the token in it', async (t) => {
    const { database, opened } = await ownDatabase(t)
    const lines: string[] = []
    const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
    const server = await startServer(t, opened(), { templates, log, tftpPort: null, dhcpPort: null })
    const token = await arm(server, opened(), 'node1')
    database.sql('SET GLOBAL read_only = 1')
    assert.equal((await report(server, 'node1', token, { stage: 'installed' })).status, 200)
    assert.match(lines.join(''), /read-only/)
    assert.ok(!lines.join('').includes(token))
    database.sql('SET GLOBAL read_only = 0')
  })

  test('it is there at the start, goes, and comes back: changes made then arrive without anybody’s help', async (t) => {
    const { database, opened } = await ownDatabase(t)
    const server = await startServer(t, opened(), { templates, tftpPort: null, dhcpPort: null })
    await database.kill()
    await until(async () => (await health(server)).status === 'degraded', 'it is noticed')
    assert.equal(await why(server, 1), 'boot is local')
    await database.start()
    database.sql("UPDATE farm.machines SET boot = 'hold' WHERE hostname = 'node1'")
    await until(async () => (await why(server, 1)) === 'boot is hold', 'the change has arrived')
    assert.equal((await health(server)).status, 'ok')
  })
})

describe('ports', () => {
  test('one that is taken is named, and nothing is left open: the same start works once it is free', async (t) => {
    const store = await sqliteStore(t, inventory)
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const udp = createSocket('udp4')
    udp.bind(0, '127.0.0.1')
    await once(udp, 'listening')
    const [tcpPort, udpPort] = [(taken.address() as AddressInfo).port, udp.address().port]
    await assert.rejects(
      startServer(t, store, { httpPort: tcpPort }),
      new RegExp(`listen for HTTP on 127\\.0\\.0\\.1 port ${tcpPort}: .*EADDRINUSE`),
    )
    const free = createServer().listen(0, '127.0.0.1')
    await once(free, 'listening')
    const freePort = (free.address() as AddressInfo).port
    await new Promise((resolve) => free.close(resolve))
    await assert.rejects(
      startServer(t, store, { httpPort: freePort, tftpPort: udpPort }),
      new RegExp(`listen for TFTP on 127\\.0\\.0\\.1 port ${udpPort}`),
    )
    await assert.rejects(
      startServer(t, store, { httpPort: freePort, dhcpPort: udpPort }),
      new RegExp(`listen for DHCP on \\S+ port ${udpPort}`),
    )
    taken.close()
    udp.close()
    const server = await startServer(t, store, { templates, httpPort: freePort })
    assert.equal(await why(server, 1), 'boot is local')
  })
})

describe('DESIGN §7: tokens and addresses', () => {
  test('a kickstart needs its machine’s live token: none, a wrong one, another’s, an expired and a used one are refused in words', async (t) => {
    const store = await sqliteStore(t, inventory)
    const server = await startServer(t, store, { templates })
    const token = await arm(server, store, 'node1', 'node2')
    const kickstart = async (host: string, secret: string | null): Promise<string> => {
      const { status, text } = await ask(server, `/ks/${host}${secret === null ? '' : `?token=${secret}`}`)
      return `${status} ${text}`
    }
    assert.match(
      await kickstart('node1', null),
      /^403 no token was given for node1; it is in the boot menu of an armed machine/,
    )
    assert.match(await kickstart('node1', ''), /^403 no token was given/)
    assert.match(await kickstart('node1', 'wrong'), /^403 the token is not node1's/)
    assert.match(await kickstart('node1', tokenOf(server, 'node2')), /^403 the token is not node1's/)
    assert.match(await kickstart('nobody', token), /^404 the inventory has no machine nobody/)
    assert.match(await kickstart('node1', `${token}&token=${token}`), /^403 no token was given/)
    assert.match(await kickstart('node1', token), /^200 text\n/)
    assert.equal((await ask(server, '/ks/node1', { headers: { authorization: `Bearer ${token}` } })).status, 200)

    assert.equal((await report(server, 'node1', tokenOf(server, 'node2'), { stage: 'installed' })).status, 403)
    assert.match(await why(server, 1), /^armed at/)
    assert.equal((await report(server, 'node1', token, { stage: 'installed' })).status, 200)
    assert.match(await kickstart('node1', token), /^403 the token was used up at /)

    await sql`UPDATE tokens SET expires_at = '2020-01-01T00:00:00.000Z' WHERE machine = 'node2'`.execute(store.db)
    const late = tokenOf(server, 'node2')
    await server.live.catchUp()
    assert.match(await kickstart('node2', late), /^403 the token expired at 2020-01-01T00:00:00\.000Z; arm node2 again/)
    assert.match(await why(server, 2), /^the install token expired/)
    assert.equal((await report(server, 'node2', late, { stage: 'installed' })).status, 403)
  })

  test('with address checks a machine’s secrets go to its own address: kickstart, the menu with the token, and its reports', async (t) => {
    const store = await sqliteStore(t, inventory)
    const server = await startServer(t, store, { templates, verifyAddress: true })
    const token = await arm(server, store, 'node1')
    const [own, other] = [{ from: '127.0.0.11' }, { from: '127.0.0.12' }]
    const elsewhere = await ask(server, `/ks/node1?token=${token}`, other)
    assert.equal(elsewhere.status, 403)
    assert.match(elsewhere.text, /^127\.0\.0\.12 is not an address of node1 \(127\.0\.0\.11\); only the machine itself/)
    assert.equal((await ask(server, menuOf(1), other)).status, 403)
    assert.equal((await report(server, 'node1', token, { stage: 'installed' }, '127.0.0.12')).status, 403)
    assert.equal((await ask(server, menuOf(1), own)).status, 200)
    assert.equal((await ask(server, `/ks/node1?token=${token}`, own)).status, 200)
    assert.equal((await ask(server, menuOf(2), own)).status, 200, 'a menu without a secret is anybody’s')
    assert.equal((await report(server, 'node1', token, { stage: 'installed' }, '127.0.0.11')).status, 200)
    assert.equal((await ask(server, menuOf(1), other)).status, 200)
  })

  test('X-Forwarded-For is believed of a proxy that is named, and of nobody else', async (t) => {
    const store = await sqliteStore(t, inventory)
    const headers = { 'x-forwarded-for': '127.0.0.11' }
    const trusting = await startServer(t, store, { templates, verifyAddress: true, trustProxy: ['127.0.0.1'] })
    const token = await arm(trusting, store, 'node1')
    assert.equal((await ask(trusting, `/ks/node1?token=${token}`, { headers })).status, 200)
    assert.equal((await ask(trusting, `/ks/node1?token=${token}`, { headers, from: '127.0.0.99' })).status, 403)
    const plain = await startServer(t, store, { templates, verifyAddress: true })
    assert.equal((await ask(plain, `/ks/node1?token=${token}`, { headers })).status, 403)
  })
})

describe('reports that make no sense', () => {
  test('each is refused in words, changes nothing, and leaves the server as it was', async (t) => {
    const store = await sqliteStore(t, inventory)
    const server = await startServer(t, store, { templates })
    const token = await arm(server, store, 'node1')
    const post = async (
      body: string | Buffer,
      type: string,
      host = 'node1',
      headers: Readonly<Record<string, string>> = {},
    ): Promise<string> => {
      const { status, text } = await ask(server, `/events/${host}`, {
        method: 'POST',
        body,
        headers: { authorization: `Bearer ${token}`, 'content-type': type, ...headers },
      })
      return `${status} ${text}`
    }
    const form = 'application/x-www-form-urlencoded'
    const json = 'application/json'
    const rows: readonly (readonly [string, RegExp])[] = [
      [await post('', form), /^400 stage: expected a stage: one of installing, installed/],
      [await post('stage=reboot', form), /^400 stage: expected a stage/],
      [await post('stage=installing&stage=installed', form), /^400 stage: /],
      [await post('stage=installing&progress=101', form), /^400 progress: /],
      [await post('stage=installing&progress=half', form), /^400 progress: expected per cent/],
      [
        await post(`stage=installing&detail=${'x'.repeat(16_385)}`, form),
        /^400 detail: expected 16384 characters at most/,
      ],
      [await post('{', json), /^400 /],
      [await post('[]', json), /^400 /],
      [await post('"installed"', json), /^400 /],
      [await post('{"stage": {"$ne": ""}}', json), /^400 stage: /],
      [await post('stage=installed', 'text/plain'), /^400 stage: /],
      [await post(Buffer.from([0xff, 0xfe, 0x00]), 'application/octet-stream'), /^400 stage: /],
      [await post('x'.repeat(270_000), form), /^413 /],
      [await post('stage=installed', form, 'nobody'), /^404 the inventory has no machine nobody/],
      [await post('stage=installed', form, '%zz'), /^400 /],
      [await post('stage=installed', form, 'node1', { 'content-encoding': 'gzip' }), /^400 /],
      [await post('stage=installed', form, 'node1', { 'content-encoding': 'bogus' }), /^415 /],
      [await post('stage=installed', `${form}; charset=bogus`), /^415 /],
    ]
    for (const [answered, expected] of rows) assert.match(answered, expected)
    for (const [answered] of rows) assert.ok(!answered.includes(token))
    assert.match(await why(server, 1), /^armed at/)
    await server.live.catchUp()
    assert.deepEqual(
      (await readEvents(store, 'node1', 9)).map(({ stage }) => stage),
      ['armed', 'loader'],
    )
    assert.match(await post('{"stage": "installing", "progress": 7}', json), /^202 noted/)
  })

  test('what a machine says is kept without control characters and without the token that it shows', async (t) => {
    const store = await sqliteStore(t, inventory)
    const server = await startServer(t, store, { templates })
    const token = await arm(server, store, 'node1')
    const machineToken =
      (server.live.snapshot().tokens.get('node1') ?? []).find(({ purpose }) => purpose === 'machine')?.secret ?? ''
    const detail = `\u001b[1mKernel command line: inst.ks=http://x/ks/node1?token=${token}\n\tand ${machineToken}\0`
    assert.equal((await report(server, 'node1', token, { stage: 'failed', detail })).status, 202)
    await server.live.catchUp()
    const [event] = (await readEvents(store, 'node1', 9)).filter(({ stage }) => stage === 'failed')
    assert.equal(event?.detail, 'Kernel command line: inst.ks=http://x/ks/node1?token=(token)\n\tand (token)')
  })
})

describe('requests that no browser would send', () => {
  /** What comes back for these octets, whole. */
  const raw = async (server: RunningServer, octets: string, { hangUp = false } = {}): Promise<string> => {
    const socket = connect(server.ports.http ?? 0, '127.0.0.1')
    const parts: Buffer[] = []
    socket.on('data', (part) => parts.push(part))
    socket.on('error', () => undefined) // a reset is an answer, too
    socket.write(octets)
    if (hangUp) socket.end()
    await once(socket, 'close')
    return Buffer.concat(parts).toString('latin1')
  }

  test('EL 4’s loader asks with HTTP/0.9 and reads the headers all the same (anaconda 10.1, loader2/urls.c)', async (t) => {
    const store = await sqliteStore(t, inventory)
    const server = await startServer(t, store, { templates })
    const token = await arm(server, store, 'node1')
    for (const version of ['HTTP/0.9', 'HTTP/1.0']) {
      const answer = await raw(server, `GET /ks/node1?token=${token} ${version}\r\nHost: 127.0.0.1\r\n\r\n`)
      assert.match(answer, /^HTTP\/1\.[01] 200 OK\r\n/)
      assert.match(answer, /\r\nContent-Length: \d+\r\n/i)
      assert.match(answer, /\r\nConnection: close\r\n/i)
      assert.doesNotMatch(answer, /chunked/)
      assert.match(answer, /\r\n\r\ntext\n# for node1 with [\w-]{22}\n$/)
    }
  })

  test('no path leads out of what is served, and no request brings the server down', async (t) => {
    const store = await sqliteStore(t, inventory)
    const stateDir = temporaryFolder(t)
    for (const folder of ['images', 'repo', 'loaders']) mkdirSync(join(stateDir, folder))
    writeFileSync(join(stateDir, 'secret'), 'geheim')
    writeFileSync(join(stateDir, 'images/.hidden'), 'geheim')
    const server = await startServer(t, store, { templates, stateDir })
    const targets = [
      '/../secret',
      '/images/../secret',
      '/images/../../etc/passwd',
      '/images/..%2fsecret',
      '/images/%2e%2e/secret',
      '/images/%252e%252e/secret',
      '/images/..\\secret',
      '/images/.hidden',
      '//secret',
      '///etc/passwd',
      '/images//../../secret',
      '/secret%00.img',
      '/%',
      '/%ff',
      '/%c0%ae%c0%ae/secret',
      '/journal.jsonl',
      '/inventory-copy.jsonl',
      '/images/',
      '/repo',
      '/ks/../healthz/x',
      '/ks/%2e%2e',
      '/ks/constructor',
      '/__proto__',
      '/pxelinux.cfg/01-__proto__',
      '/dom0/node1/xen/%2e%2e',
    ]
    for (const target of targets) {
      const answer = await raw(server, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      assert.match(answer, /^HTTP\/1\.1 40[034] /, target)
      assert.doesNotMatch(answer, /geheim|root:/, target)
    }
    for (const octets of [
      '\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'GET /\r\n\r\n',
      '\x16\x03\x01\x02\x00',
      `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
      'POST /events/node1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab',
      'POST /events/node1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n',
    ])
      assert.doesNotMatch(await raw(server, octets, { hangUp: true }), /geheim|root:|^HTTP\/1\.1 5/)
    const proxied = await raw(server, 'GET http://127.0.0.1/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    assert.match(proxied, /^HTTP\/1\.1 200 /)
    assert.equal(await why(server, 1), 'boot is local')
  })
})

test('DESIGN §7: a whole install at every door leaves no token in the log, the events or the history', async (t) => {
  const store = await sqliteStore(t, inventory)
  const client = await DhcpTestClient.open(t, '127.0.0.11')
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const stateDir = temporaryFolder(t)
  const broken = new Map([...sources, ['machine/node2/plain.ks', '{{ nothing }}']])
  const server = await startServer(t, store, {
    templates: { ...templates, sources: broken },
    stateDir,
    log,
    dhcpClientPort: client.port,
    verifyAddress: true,
  })
  const tftp = await TftpTestClient.open({ address: '127.0.0.11', server: '127.0.0.1' })
  t.after(() => tftp.close())
  const token = await arm(server, store, 'node1', 'node2')
  const secrets = ['node1', 'node2'].flatMap((host) =>
    (server.live.snapshot().tokens.get(host) ?? []).map(({ secret }) => secret),
  )
  assert.equal(secrets.length, 4)

  const own = { from: '127.0.0.11' }
  client.send(server, 1)
  assert.equal((await client.next()).type, 'ACK')
  assert.match(
    (await tftp.fetch(server.ports.tftp ?? 0, 'pxelinux.cfg/01-02-00-00-00-00-01')).toString(),
    new RegExp(token),
  )
  assert.equal((await ask(server, menuOf(1), own)).status, 200)
  assert.equal((await ask(server, menuOf(1))).status, 403)
  assert.equal((await ask(server, `/ks/node1?token=${token}`, own)).status, 200)
  assert.equal((await ask(server, `/ks/node1?token=${token}`)).status, 403)
  assert.equal((await ask(server, `/ks/node2?token=${tokenOf(server, 'node2')}`, { from: '127.0.0.12' })).status, 500)
  assert.equal((await ask(server, `/images/none?token=${token}`, own)).status, 404)
  assert.equal(
    (
      await ask(server, '/events/node1', {
        method: 'POST',
        ...own,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: `{"stage": "${token}`,
      })
    ).status,
    400,
  )
  for (const stage of ['installing', 'installed', 'installed'])
    assert.ok((await report(server, 'node1', token, { stage, detail: `with ${token}` }, '127.0.0.11')).status < 300)
  await server.live.catchUp()

  assert.ok(lines.length > 5)
  const kept = {
    log: lines.join(''),
    events: JSON.stringify([await readEvents(store, 'node1', 99), await readEvents(store, 'node2', 99)]),
    history: JSON.stringify(await readChanges(store, { limit: 999 })),
    metrics: (await ask(server, '/metrics')).text,
  }
  for (const [where, text] of Object.entries(kept))
    for (const secret of secrets) assert.ok(!text.includes(secret), where)
  assert.ok(
    !existsSync(join(stateDir, 'journal.jsonl')) ||
      !readFileSync(join(stateDir, 'journal.jsonl'), 'utf8').includes(token),
  )
})

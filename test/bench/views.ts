// A site's own tables of 100,000 machines behind views: from another program's COMMIT to the first offer that has it.
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import type { MariaDb } from '../mariadb.ts'
import type { DhcpProbe } from './dhcp-client.ts'
import { openDhcpProbe } from './dhcp-client.ts'
import { hostnameOf, ipOf, macOf, plantFarm } from './farm.ts'
import type { Row, Table } from './figures.ts'
import { startBenchServer } from './server.ts'

const machines = 100_000
const rounds = 15
const intervalSeconds = 5

/** The site's own words; addresses are numbers there. */
const siteTables = `
  CREATE TABLE hosts (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, mac BIGINT NOT NULL, ip INT UNSIGNED NOT NULL,
    changed TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, KEY (changed));
  INSERT INTO hosts (id, name, mac, ip) SELECT seq, CONCAT('node', LPAD(seq, 6, '0')), 0x020000000000 + seq,
    INET_ATON('198.18.0.255') + seq FROM seq_1_to_${machines}`

function views(dated: boolean): string {
  const date = dated ? ', changed AS updated_at' : ''
  return `
  CREATE VIEW machines AS SELECT name AS hostname, 'el9' AS profile, 'sda' AS disk${date} FROM hosts;
  CREATE VIEW interfaces AS SELECT name AS machine, 'eth0' AS name, LPAD(HEX(mac), 12, '0') AS mac,
    INET_NTOA(ip) AS ip, 'bench' AS network${date} FROM hosts`
}

export async function viewsFollowed(mariadb: MariaDb, stateOf: (name: string) => string): Promise<Table> {
  const probe = await openDhcpProbe()
  const rows: Row[] = []
  for (const dated of [true, false]) rows.push(await follow(mariadb, probe, stateOf, dated))
  probe.close()
  return {
    title: `A site's own database behind views, ${machines.toLocaleString('en')} machines: a committed UPDATE to the first offer that has it`,
    header: [
      'view',
      'start with the first copy, s',
      'change, median, s',
      'change, most, s',
      'idle, CPU s a minute',
      'memory MiB',
    ],
    rows,
    note: `Bars: two seconds with \`updated_at\`, the interval (\`views_interval: ${intervalSeconds}\`) and the time of a comparison without.`,
  }
}

async function follow(
  mariadb: MariaDb,
  probe: DhcpProbe,
  stateOf: (name: string) => string,
  dated: boolean,
): Promise<Row> {
  const name = dated ? 'dated' : 'undated'
  const [inventory, site] = [mariadb.newDatabase(`own_${name}`), mariadb.newDatabase(`site_${name}`)]
  mariadb.sql(`USE site_${name}; ${siteTables}; ${views(dated)}`)
  const store = openStore(inventory)
  await plantFarm(store, 0, false) // the network, the image and the profile
  await closeStore(store)
  Object.assign(process.env, { BOOTSTEAD_VIEWS: site, BOOTSTEAD_VIEWS_INTERVAL: String(intervalSeconds) })
  const offered = (index: number, address: string): Promise<string> =>
    probe.untilOffered(macOf(index), ({ yiaddr }) => yiaddr === address, AbortSignal.timeout(120_000))
  const server = await startBenchServer(inventory, stateOf(name), '', () => offered(machines, ipOf(machines)))
  const changes: number[] = []
  for (let round = 0; round < rounds; round++) {
    const index = 1 + round * 6007
    const address = `198.19.253.${round + 1}`
    await new Promise((resolve) => setTimeout(resolve, 2000 + round * 137)) // at any point of the interval
    mariadb.sql(`UPDATE site_${name}.hosts SET ip = INET_ATON('${address}') WHERE name = '${hostnameOf(index)}'`)
    const began = performance.now()
    await offered(index, address)
    changes.push((performance.now() - began) / 1000)
  }
  await new Promise((resolve) => setTimeout(resolve, 3000)) // the last one's second comparison is over
  const before = server.cpuSeconds()
  await new Promise((resolve) => setTimeout(resolve, 30_000))
  const idle = (server.cpuSeconds() - before) * 2
  const memory = server.memoryMiB().now
  await server.stop()
  delete process.env['BOOTSTEAD_VIEWS']
  delete process.env['BOOTSTEAD_VIEWS_INTERVAL']
  const sorted = changes.toSorted((a, b) => a - b)
  const figures = [server.firstAnswerSeconds, sorted[Math.floor(rounds / 2)] ?? 0, sorted.at(-1) ?? 0, idle]
  return [dated ? 'with `updated_at`' : 'without', ...figures.map((value) => value.toFixed(2)), memory]
}

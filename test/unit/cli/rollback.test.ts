import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Site } from './targets.ts'
import { openSite } from './targets.ts'

const isc = '  isc: { folder: isc, main: dhcpd.conf, reload: TELL isc }\n'

const includeOf = (site: Site): string => `include "${site.folder}/isc/current/bootstead.conf";\n`
const hostsOf = (site: Site): string => readFileSync(join(site.folder, 'isc/current/hosts/farm-0.conf'), 'utf8')

/** With generations 1 to `last`, each with another address of the machine web: 192.0.2.101 and on. */
async function openHistory(site: Site, last: number): Promise<void> {
  site.write('dhcpd.conf', includeOf(site))
  for (let generation = 1; generation <= last; generation++) {
    await site.ok('machine', 'set', 'web', `interface.eth0.ip=192.0.2.${100 + generation}`)
    await site.ok('generate')
  }
}

const rows = (table: string): readonly (readonly string[])[] =>
  table
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(/ {2,}/))

test('rollback brings the generation before back, tells the daemon, and says what brings the inventory’s again', async (t) => {
  const site = await openSite(t, isc)
  await openHistory(site, 3)
  const { code, out, err } = await site.run(['rollback'])
  assert.equal(code, 0, err)
  assert.match(out, /^isc +\S+ +generation 4 +1 file written, 0 removed +dhcpd -t +.*exit status 0$/m)
  assert.match(err, /the next generate brings what the inventory says again; bootstead revert takes the inventory back/)
  assert.match(hostsOf(site), /192\.0\.2\.102/)
  assert.equal(site.told().length, 4)
  await site.ok('rollback')
  assert.match(hostsOf(site), /192\.0\.2\.101/, 'a second time one further')
  await site.ok('generate')
  assert.match(hostsOf(site), /192\.0\.2\.103/)
})

test('--list shows what can be brought back, newest first, and --to names one of them', async (t) => {
  const site = await openSite(t, `${isc}  kea: { folder: kea }\n`)
  assert.match((await site.run(['rollback', '--list', 'isc'])).err, /isc: nothing was published into \S+\/isc yet/)
  await openHistory(site, 3)
  await site.ok('rollback', 'isc', '--to', '1', '--no-reload')
  assert.match(hostsOf(site), /192\.0\.2\.101/)
  const at = '2096-11-23T12:00:00.000Z'
  const told = rows(await site.ok('rollback', '--list', 'isc'))
  assert.deepEqual(
    told.map((row) => row.slice(0, 6)),
    [
      ['isc', '4', at, '1', '0', '1'],
      ['isc', '3', at, '1', '0', '-'],
      ['isc', '2', at, '1', '0', '-'],
      ['isc', '1', at, '2', '0', '-'],
    ],
  )
  assert.deepEqual(
    told.map((row) => /exit status 0$/.test(row.at(-1) ?? '')),
    [false, true, true, true],
  )
  const both = (await site.json('rollback', '--list')) as { target: string; generations: { id: number }[] }[]
  assert.deepEqual(
    both.map(({ target, generations }) => [target, generations.map(({ id }) => id)]),
    [
      ['isc', [4, 3, 2, 1]],
      ['kea', [3, 2, 1]],
    ],
  )
})

test('which target, and a generation that is not kept', async (t) => {
  const site = await openSite(t, `${isc}  kea: { folder: kea }\n`)
  const both = await site.run(['rollback'])
  assert.deepEqual([both.code, both.err], [2, 'bootstead: one target at a time: name one of isc, kea\n'])
  const none = await site.run(['rollback', 'kea'])
  assert.equal(none.code, 1)
  assert.match(none.err, /^bootstead: kea: nothing was published into \S+\/kea yet\n$/)
  await openHistory(site, 1)
  assert.match((await site.run(['rollback', 'kea'])).err, /kea: generation 1 is the only one that is kept/)
  assert.match((await site.run(['rollback', 'kea', '--to', '7'])).err, /kea: generation 1 is the only one that is kept/)
  assert.equal((await site.run(['rollback', 'kea', '--to', 'first'])).code, 2)
})

test('a file that was edited meanwhile is left alone, and adopted when it is named', async (t) => {
  const site = await openSite(t, isc)
  await openHistory(site, 2)
  const hosts = join(site.folder, 'isc/current/hosts/farm-0.conf')
  writeFileSync(hosts, '# mine\n')
  const { code, err } = await site.run(['rollback'])
  assert.equal(code, 1)
  assert.match(
    err,
    /isc: hosts\/farm-0\.conf: was changed by somebody else and is left alone; --adopt hosts\/farm-0\.conf/,
  )
  assert.equal(hostsOf(site), '# mine\n')
  await site.ok('rollback', '--adopt', 'hosts/farm-0.conf')
  assert.match(hostsOf(site), /192\.0\.2\.101/)
})

test('the checker decides about what is brought back too', async (t) => {
  const site = await openSite(t, isc)
  await openHistory(site, 2)
  site.write('dhcpd.conf', `host bootstead-web-eth0 { }\n${includeOf(site)}`)
  const { code, out, err } = await site.run(['rollback', '--json'])
  assert.equal(code, 1)
  const { kind, blamed } = JSON.parse(out) as { kind: string; blamed: { machine: string }[] }
  assert.deepEqual([kind, blamed[0]?.machine], ['refused', 'web'])
  assert.match(err, /isc: dhcpd -t refuses the new configuration, because of web; nothing was published/)
  assert.match(hostsOf(site), /192\.0\.2\.102/)
  assert.match(await site.ok('rollback', '--no-check'), /not checked/)
  assert.match(hostsOf(site), /192\.0\.2\.101/)
})

test('where the server regenerates, its next change ends what was rolled back', async (t) => {
  const site = await openSite(t, isc)
  await openHistory(site, 2)
  const { err } = await site.run(['rollback', '--regenerate', '5'])
  assert.match(err, /the next generate, or change while the server runs, brings what the inventory says again/)
})

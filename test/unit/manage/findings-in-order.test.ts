// The report of the index is the report of the inventory.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allFindings } from '../../../server/inventory/findings.ts'
import { changeSnapshot } from '../../../server/inventory/snapshot.ts'
import { farmIndex } from '../../../server/manage/farm-index.ts'
import { findingsInOrder } from '../../../server/manage/findings-in-order.ts'
import { snapshotOf } from '../../fixtures.ts'

const known = { templates: new Set(['own.ks']) }

test('it has machines, rows that can’t be read, interfaces of nobody and rows of no machine in the same order', async () => {
  const good = snapshotOf(`
networks: { farm: { cidr: 192.0.2.0/24, gateway: 198.51.100.1 } }
profiles: { base: { template: gone.ks } }
machines:
  web10: { profile: base, interfaces: { eth0: { mac: 00:00:5e:00:53:01, ip: 192.0.2.10, network: farm } } }
  web9: { profile: nothing }
  a: { profile: base }
`)
  const snapshot = changeSnapshot(
    good,
    [
      { table: 'machines', key: 'b', raw: { hostname: 'b', profile: 'base', memory_mib: 'much' } },
      { table: 'interfaces', key: 'web5/eth0', raw: { machine: 'web5', name: 'eth0', mac: '00:00:5e:00:53:05' } },
      { table: 'interfaces', key: 'web6/eth0', raw: { machine: 'web6', name: 'eth0', mac: 'none' } },
      { table: 'networks', key: 'lab', raw: { name: 'lab', cidr: 'anything' } },
    ],
    2,
  )
  const found = await findingsInOrder(await farmIndex(snapshot, known))
  assert.deepEqual(found, [...allFindings(snapshot, known)])
  assert.deepEqual(
    [...new Set(found.map(({ machine }) => machine))].filter((name) => name !== ''),
    ['a', 'b', 'web5', 'web6', 'web9', 'web10'].filter((name) => found.some(({ machine }) => machine === name)),
  )
  assert.ok(found.some(({ machine, field }) => machine === 'web5' && field === 'machine'))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { factsOf } from '../../../server/manage/provenance.ts'
import { address, snapshotOf } from '../../fixtures.ts'

const snapshot = snapshotOf(`
site: { domain: site.example.org, rack: none, root_password_hash: "$6$x" }
networks: { farm: { cidr: 192.0.2.0/24, domain: farm.example.org, dns: [192.0.2.1] } }
images: { el9: { arch: x86_64, kernel: vmlinuz } }
profiles:
  base: { image: el9, kernel_args: quiet, params: { rack: r0, packages: [vim] } }
  web: { parent: base, kernel_args: text, params: { "packages+": [httpd] } }
machines:
  a: { profile: web, params: { rack: r1 }, interfaces: { eth0: { mac: 00:00:5e:00:53:01, ip: 192.0.2.10, network: farm } } }
`)
const server = { advertise: address('192.0.2.1'), addresses: [address('192.0.2.1')], httpPort: 80 }

const machine = snapshot.machines.get('a') ?? assert.fail('the fixture has a machine a')
const facts = new Map(factsOf(snapshot, machine, server).map((fact) => [fact.name, fact]))
const layersOf = (name: string): readonly string[] =>
  (facts.get(name)?.layers ?? []).map(({ from, value, holds }) => `${holds ? '*' : ''}${from}=${value}`)

test('each layer that says something is named, outermost first, and one of them holds', () => {
  assert.deepEqual(layersOf('domain'), ['site domain=site.example.org', '*network farm.domain=farm.example.org'])
  assert.deepEqual(layersOf('kernel_args'), ['profile base.kernel_args=quiet', '*profile web.kernel_args=text'])
  assert.deepEqual(layersOf('params.rack'), [
    'site rack=none',
    'profile base.params.rack=r0',
    '*machine a.params.rack=r1',
  ])
  assert.deepEqual(layersOf('arch'), ['*image el9.arch=x86_64'])
})

test('what is added to a list is a layer, and the value is the whole list', () => {
  assert.equal(facts.get('params.packages')?.value, 'vim,httpd')
  assert.equal(layersOf('params.packages')[0], 'profile base.params.packages=vim')
})

test('a default holds where nobody says anything, what is not given is no fact, and a secret is not shown', () => {
  assert.deepEqual(layersOf('hypervisor'), ['*default=none'])
  assert.equal(facts.has('gateway'), false)
  assert.deepEqual(layersOf('params.root_password_hash'), ['*site root_password_hash=(secret)'])
})

test('one layer holds of every fact', () => {
  for (const { name, layers } of facts.values()) assert.equal(layers.filter(({ holds }) => holds).length, 1, name)
})

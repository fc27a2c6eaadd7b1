// The API on both databases: lists, changes that meet, arming, history, what a viewer is not to know.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { readChanges, readEvents } from '../../../server/inventory/store/read.ts'
import { recordEdits } from '../../../server/inventory/store/record.ts'
import { readSnapshot } from '../../../server/inventory/store/read.ts'
import { databases, flavours } from '../../databases.ts'
import type { Farm } from './farm.ts'
import { answered, openApiFarm } from './farm.ts'

type Items = Readonly<{ items: readonly Readonly<Record<string, unknown>>[]; total: number; next: string | null }>
type Problem = Readonly<{ machine: string | null; field: string | null; value: unknown; why: string }>
type ProblemDetails = Readonly<{ status: number; detail: string; errors?: readonly Problem[] }>

const { address } = databases()

const list = async (farm: Farm, query: Readonly<Record<string, string>>): Promise<Items> =>
  (await answered(farm.ask('get', '/machines', { query }))) as unknown as Items
const names = ({ items }: Items): readonly unknown[] => items.map(({ hostname }) => hostname)
const problem = (body: unknown): ProblemDetails => body as ProblemDetails

for (const flavour of flavours)
  describe(`the API on ${flavour}`, () => {
    const open = async (t: TestContext): Promise<Farm> => openApiFarm(t, await address(t, flavour))

    test('a list in pages is the whole list, in either order, by every field', async (t) => {
      const farm = await open(t)
      for (const sort of ['hostname', '-hostname', 'profile', '-memory_mib', 'boot', 'dom0', 'vcpus']) {
        const whole = await list(farm, { sort })
        const seen: unknown[] = []
        let after: string | null = null
        do {
          const page: Items = await list(farm, { sort, limit: '1', ...(after === null ? {} : { after }) })
          assert.equal(page.total, 4)
          seen.push(...names(page))
          after = page.next
        } while (after !== null)
        assert.deepEqual(seen, names(whole))
        assert.equal(seen.length, 4)
      }
      assert.deepEqual(names(await list(farm, { sort: '-hostname' })), ['web', 'acas0003', 'acas0002', 'acas0001'])
    })

    test('the selectors are those of the command line', async (t) => {
      const farm = await open(t)
      assert.deepEqual(names(await list(farm, { select: 'acas000[2-3]' })), ['acas0002', 'acas0003'])
      assert.deepEqual(names(await list(farm, { select: 'acas* dom0!=acas0001' })), ['acas0001'])
      const unknown = await farm.ask('get', '/machines', { query: { select: 'acas[3-' } })
      assert.equal(unknown.status, 404)
      assert.match(problem(unknown.body).detail, /without its \]/)
    })

    test('a patch changes what it names, null clears, and the change is signed by the token', async (t) => {
      const farm = await open(t)
      await answered(
        farm.ask('patch', '/machines/web', {
          body: {
            notes: null,
            vcpus: 4,
            params: { rack: null, row: 7 },
            interfaces: { 'eth0.30': null, eth0: { vlan: 9 } },
          },
        }),
      )
      const web = await answered(farm.ask('get', '/machines/web'))
      assert.deepEqual([web['notes'], web['vcpus'], web['params']], [null, 4, { row: 7 }])
      const interfaces = web['interfaces'] as Readonly<Record<string, Readonly<Record<string, unknown>>>>
      assert.deepEqual(Object.keys(interfaces), ['eth0'])
      assert.deepEqual([interfaces['eth0']?.['vlan'], interfaces['eth0']?.['mac']], [9, '00:00:5e:00:53:02'])
      const [change] = await readChanges(farm.store, { machine: 'web', limit: 1 })
      assert.match(change?.who ?? '', /^api:operator\/t/)
    })

    test('PUT replaces a machine: what is not named has its default, interfaces go, the next boot stays', async (t) => {
      const farm = await open(t)
      await answered(farm.ask('post', '/machines/web/boot', { body: { boot: 'hold' } }))
      const body = { profile: 'base', disk: 'sda', interfaces: { eth1: { mac: '00:00:5e:00:53:44' } } }
      await answered(farm.ask('put', '/machines/web', { body }))
      const web = await answered(farm.ask('get', '/machines/web'))
      assert.deepEqual([web['notes'], web['disk'], web['boot'], web['params']], [null, 'sda', 'hold', {}])
      assert.deepEqual(Object.keys(web['interfaces'] as object), ['eth1'])
    })

    test('RFC 9110 §13.1.1: a change decided on an older version is refused, saying who was quicker', async (t) => {
      const farm = await open(t)
      const read = await farm.ask('get', '/machines/web')
      const etag = String(read.headers['etag'])
      assert.match(etag, /^"\d+-\d+"$/)
      const headers = { 'If-Match': etag }
      await answered(farm.ask('patch', '/machines/web', { as: 'admin', body: { interfaces: { eth0: { vlan: 5 } } } }))
      for (const [method, body] of [
        ['patch', { vcpus: 2 }],
        ['put', { profile: 'base' }],
        ['delete', undefined],
      ] as const) {
        const late = await farm.ask(method, '/machines/web', { headers, ...(body === undefined ? {} : { body }) })
        assert.equal(late.status, 412, method)
        assert.match(problem(late.body).detail, /machines web was changed by api:admin\/\w+ at .*read it again/)
      }
      const again = await farm.ask('get', '/machines/web')
      const fresh = { 'If-Match': String(again.headers['etag']) }
      await answered(farm.ask('patch', '/machines/web', { headers: fresh, body: { vcpus: 2 } }))
      assert.equal((await farm.ask('post', '/machines/web/arm', { headers, body: {} })).status, 412)
    })

    test('of two who change the same version at once, one does', async (t) => {
      const farm = await open(t)
      const etag = String((await farm.ask('get', '/networks/farm')).headers['etag'])
      const both = await Promise.all(
        ['192.0.2.251', '192.0.2.252'].map((gateway) =>
          farm.ask('patch', '/networks/farm', { headers: { 'If-Match': etag }, body: { gateway } }),
        ),
      )
      assert.deepEqual(both.map(({ status }) => status).toSorted(), [200, 412])
    })

    test('RFC 9457: a bad value is answered with machine, field, value and what is expected', async (t) => {
      const farm = await open(t)
      const answer = await farm.ask('patch', '/machines/web', { body: { vcpus: 'many', colour: 'red' } })
      assert.equal(answer.status, 400)
      assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
      const told = problem(answer.body).errors?.map(({ field, value, why }) => [field, value, why])
      assert.deepEqual(told, [
        ['vcpus', 'many', 'expected a whole number from 1 to 4096'],
        ['colour', 'red', 'there is no field of this name'],
      ])
    })

    test('a change that would withhold machines is refused with each reason, and done by force', async (t) => {
      const farm = await open(t)
      const body = { interfaces: { eth0: { ip: '198.51.100.1' } } }
      const refused = await farm.ask('patch', '/machines/web', { body })
      assert.equal(refused.status, 422)
      const [error] = problem(refused.body).errors ?? []
      assert.deepEqual([error?.machine, error?.field, error?.value], ['web', 'ip', '198.51.100.1'])
      assert.match(error?.why ?? '', /outside network farm/)
      const forced = await answered(farm.ask('patch', '/machines/web', { body, query: { force: 'true' } }))
      assert.equal((forced['withheld'] as readonly unknown[]).length, 1)
    })

    test('many edits are one transaction: each sees those before it, and one that is wrong undoes all', async (t) => {
      const farm = await open(t)
      const edits = [
        { edit: 'put row', table: 'profiles', name: 'web', row: { parent: 'base', kernel_args: 'quiet' } },
        {
          edit: 'add machine',
          machine: { hostname: 'db[1-2]', profile: 'web', disk: 'sda', interfaces: { eth0: {} } },
        },
        { edit: 'set machines', select: ['db1'], set: { interfaces: { eth0: { mac: '00:00:5e:00:53:61' } } } },
        { edit: 'set machines', select: ['db2'], set: { interfaces: { eth0: { mac: '00:00:5e:00:53:62' } } } },
        { edit: 'set machines', select: ['db*'], set: { notes: 'new' } },
      ]
      const before = await readSnapshot(farm.store)
      const planned = await answered(farm.ask('post', '/changes', { body: { edits, dryRun: true } }))
      assert.equal((await readSnapshot(farm.store)).revision, before.revision)
      const bad = [...edits, { edit: 'set machines', select: ['db1'], set: { vdisk: '?' } }]
      assert.equal((await farm.ask('post', '/changes', { body: { edits: bad } })).status, 400)
      assert.equal((await readSnapshot(farm.store)).revision, before.revision)
      const done = await answered(farm.ask('post', '/changes', { body: { edits } }))
      assert.deepEqual(done['changes'], planned['changes'])
      const now = await readSnapshot(farm.store)
      assert.deepEqual(now.machines.get('db2')?.notes, 'new')
      assert.equal(now.interfaces.get('db1')?.[0]?.mac, '00:00:5e:00:53:61')
    })

    test('a dry run says what machines would be told otherwise, those that change alike together', async (t) => {
      const farm = await open(t)
      const edits = [{ edit: 'set row', table: 'profiles', name: 'base', set: { kernel_args: 'quiet' } }]
      const planned = await answered(farm.ask('post', '/changes', { body: { edits, dryRun: true } }))
      assert.match(JSON.stringify(planned['served']), /quiet/)
      assert.equal(planned['servedLeft'], 0)
    })

    test('arming names what is erased; sent again with its key it is answered the same and arms nothing', async (t) => {
      const farm = await open(t)
      const headers = { 'Idempotency-Key': 'order 66' }
      const armed = await answered(farm.ask('post', '/machines/web/arm', { headers, body: {} }))
      assert.match(JSON.stringify(armed['armed']), /"disk":"nvme0n1"/)
      await answered(farm.ask('post', '/machines/web/boot', { body: { boot: 'local' } }))
      const replayed = await farm.ask('post', '/machines/web/arm', { headers, body: {} })
      assert.equal(replayed.headers['idempotency-replayed'], 'true')
      assert.deepEqual(replayed.body, armed)
      const snapshot = await readSnapshot(farm.store)
      assert.equal(snapshot.machines.get('web')?.boot, 'local')
      assert.equal(snapshot.tokens.get('web'), undefined)
      const other = await farm.ask('post', '/machines/web/arm', { headers, body: { hours: 3 } })
      assert.equal(other.status, 422)
      // Somebody else's key of the same text is another.
      await answered(farm.ask('post', '/machines/web/arm', { as: 'admin', headers, body: {} }))
      const stages = (await readEvents(farm.store, 'web', 10)).map(({ stage }) => stage)
      assert.deepEqual(stages, ['armed', 'disarmed', 'armed'])
    })

    test('twenty of the same arming at once arm once', async (t) => {
      const farm = await open(t)
      const headers = { 'Idempotency-Key': 'at once' }
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => farm.ask('post', '/machines/web/arm', { headers, body: {} })),
      )
      assert.ok(answers.every(({ status }) => status === 200 || status === 409))
      const armed = (await readEvents(farm.store, 'web', 100)).filter(({ stage }) => stage === 'armed')
      assert.equal(armed.length, 1)
    })

    test('what could not be armed may be tried again with the same key', async (t) => {
      const farm = await open(t)
      await answered(farm.ask('patch', '/profiles/base', { body: { image: null } }))
      const headers = { 'Idempotency-Key': 'again' }
      const refused = await farm.ask('post', '/arm', { headers, body: { select: ['web', 'acas0001'] } })
      assert.equal(refused.status, 422)
      assert.deepEqual(
        new Set(problem(refused.body).errors?.map(({ machine }) => machine)),
        new Set(['web', 'acas0001', 'acas0002', 'acas0003']),
      )
      await answered(farm.ask('patch', '/profiles/base', { body: { image: 'el9' } }))
      await answered(farm.ask('post', '/arm', { headers, body: { select: ['web', 'acas0001'] } }))
      assert.equal((await readSnapshot(farm.store)).machines.get('acas0001')?.boot, 'install')
    })

    test('a field arms nothing', async (t) => {
      const farm = await open(t)
      const answer = await farm.ask('patch', '/machines/web', { body: { boot: 'install' } })
      assert.equal(answer.status, 422)
      assert.match(problem(answer.body).detail, /arms nothing.*\/arm/)
    })

    test('a row that was changed by another program is seen at once, and its version with it', async (t) => {
      const farm = await open(t)
      const before = await farm.ask('get', '/machines/web')
      const row = (await readSnapshot(farm.store)).machines.get('web')
      assert.ok(row !== undefined)
      await recordEdits(farm.store, [{ kind: 'put', table: 'machines', row: { ...row, vcpus: 12 } }], 'sql:other')
      const now = await farm.ask('get', '/machines/web')
      assert.equal((now.body as Readonly<{ vcpus: number }>).vcpus, 12)
      assert.notEqual(now.headers['etag'], before.headers['etag'])
    })

    test('history tells what was changed, and revert takes it back', async (t) => {
      const farm = await open(t)
      const { revision } = await readSnapshot(farm.store)
      await answered(farm.ask('patch', '/machines/web', { body: { vcpus: 3 } }))
      const { items } = (await answered(
        farm.ask('get', '/changes', { query: { machine: 'web', limit: '1' } }),
      )) as Items
      assert.equal((items[0]?.['after'] as Readonly<Record<string, unknown>>)['vcpus'], 3)
      await answered(farm.ask('post', '/revert', { body: { to: String(revision) } }))
      assert.equal((await readSnapshot(farm.store)).machines.get('web')?.vcpus, null)
    })

    test('a stranger is adopted once, with its MAC', async (t) => {
      const farm = await open(t)
      const { items } = (await answered(farm.ask('get', '/seen'))) as Items
      const mac = String(items[0]?.['mac'])
      const body = { hostname: 'newcomer', profile: 'base', disk: 'sda' }
      await answered(farm.ask('post', `/seen/${mac}/adopt`, { body }))
      assert.equal((await readSnapshot(farm.store)).interfaces.get('newcomer')?.[0]?.mac, mac)
      const again = await farm.ask('post', `/seen/${mac}/adopt`, { body: { ...body, hostname: 'other' } })
      assert.match(problem(again.body).detail, /no stranger: it is interface eth0 of machine newcomer/)
    })

    test('a guest’s Dom0 is not removed without it; a machine is, with its interfaces', async (t) => {
      const farm = await open(t)
      const refused = await farm.ask('delete', '/machines/acas0001')
      assert.equal(refused.status, 422)
      assert.match(problem(refused.body).errors?.[0]?.why ?? '', /still has 2 guests: acas\[0002-0003\]/)
      await answered(farm.ask('delete', '/machines/web'))
      assert.equal((await farm.ask('get', '/machines/web')).status, 404)
      assert.equal((await readSnapshot(farm.store)).interfaces.get('web'), undefined)
    })
  })

describe('a viewer', () => {
  const secret = /never-shown|hunter2/

  test('DESIGN §7: finds no secret, install file or token at any address', async (t) => {
    const farm = await openApiFarm(t)
    await answered(farm.ask('patch', '/machines/web', { body: { params: { bmc_password: 'hunter2', rack: 'r1' } } }))
    await answered(farm.ask('post', '/machines/web/arm', { body: {} }))
    const tokens = [...(await readSnapshot(farm.store)).tokens.values()].flat().map((one) => one.secret)
    assert.equal(tokens.length, 2)
    const paths = farm.site.routes.flatMap(({ method, path, role }) =>
      method === 'get' && path.startsWith('/api/v1/') && role === 'viewer' ? [path.replace('/api/v1', '')] : [],
    )
    assert.ok(paths.length > 15)
    const fill = (path: string): string => {
      const name = /^\/(networks|profiles|images|site)/.exec(path)?.[1] ?? 'machines'
      const known: Readonly<Record<string, string>> = {
        networks: 'farm',
        profiles: 'base',
        images: 'el9',
        site: 'root_password_hash',
      }
      return path.replace(':name', known[name] ?? 'web')
    }
    for (const path of paths) {
      const { status, text } = await farm.ask('get', fill(path), { as: 'viewer' })
      assert.equal(status, 200, path)
      assert.doesNotMatch(text, secret, path)
      for (const token of tokens) assert.ok(!text.includes(token), path)
    }
    assert.equal(
      (await farm.ask('get', '/machines/web/artefact', { as: 'viewer', query: { name: 'kickstart' } })).status,
      403,
    )
    assert.equal((await farm.ask('get', '/diff', { as: 'viewer', query: { before: '0' } })).status, 403)
    const shown = await answered(farm.ask('get', '/machines/web/artefact', { query: { name: 'kickstart' } }))
    assert.match(String(shown['text']), /never-shown/)
  })

  test('changes nothing', async (t) => {
    const farm = await openApiFarm(t)
    const refused = await farm.ask('patch', '/machines/web', { as: 'viewer', body: { vcpus: 1 } })
    assert.equal(refused.status, 403)
    assert.equal((await farm.ask('get', '/machines', { as: null })).status, 401)
  })
})

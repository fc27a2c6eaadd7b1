// The table of machines, and what is done to many of them, on SQLite and on MariaDB: asked as a browser without scripts asks.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Response } from 'supertest'
import { readChanges, readSnapshot } from '../../../server/inventory/store/read.ts'
import { flavours } from '../../databases.ts'
import type { Farm } from '../api/farm.ts'
import { textOf } from '../site.ts'
import { carriedBy, openAsking } from './asking.ts'

const open = openAsking()

/** Host names in the order of the table. */
const listed = ({ text }: Response): readonly string[] =>
  [...text.matchAll(/<th scope="row"><a href="\/machines\/([^"]+)">/g)].map(([, name = '']) => name)

const armedOnes = async ({ store }: Farm): Promise<readonly string[]> =>
  [...(await readSnapshot(store)).tokens].flatMap(([machine, tokens]) =>
    tokens.flatMap(({ purpose }) => (purpose === 'install' ? [machine] : [])),
  )

describe('the table of machines', () => {
  test('finds by parts of names, addresses, MACs, profiles and Dom0s, and by the command line’s selectors', async (t) => {
    const { get } = await open(t)
    const found: Readonly<Record<string, readonly string[]>> = {
      '': ['acas0001', 'acas0002', 'acas0003', 'web'],
      'q=ACAS': ['acas0001', 'acas0002', 'acas0003'],
      'q=0002': ['acas0002'],
      'q=192.0.2.14': ['web'],
      'q=53%3A01': ['acas0001'],
      'q=acas[0001-0002]+base': ['acas0002'],
      'q=memory_mib%3D2048': ['acas0002', 'acas0003'],
      'q=a*+boot%3Dlocal': ['acas0001', 'acas0002', 'acas0003'],
      'profile=base': ['acas0001', 'acas0002', 'acas0003', 'web'],
      'profile=dom0': ['acas0001'],
      'dom0=acas0001': ['acas0002', 'acas0003'],
      'boot=rescue': [],
      'state=withheld': [],
      'state=unknown&q=web': ['web'],
      'sort=-hostname&q=acas': ['acas0003', 'acas0002', 'acas0001'],
      'sort=profile&from=acas0003': ['acas0003', 'web', 'acas0001'].toSorted(),
    }
    for (const [query, names] of Object.entries(found)) {
      const answer = await get(`/machines?${query}`)
      assert.equal(answer.status, 200, query)
      if (query.includes('from=')) assert.equal(listed(answer)[0], 'acas0003', query)
      else assert.deepEqual(listed(answer), names, query)
    }
  })

  test('a selector that can’t be understood is a sentence on the page, and what is no filter is none', async (t) => {
    const { get } = await open(t)
    assert.match(textOf(await get('/machines?q=memori%3D3')), /not a filter; those there are: hostname/)
    assert.match(textOf(await get('/machines?q=acas[0001-9999]')), /There is no machine acas0004/)
    assert.match(textOf(await get('/machines?q=nowhere')), /No machine matches/)
    assert.equal(listed(await get('/machines?sort=bogus&column=bogus&from=bogus')).length, 4)
    assert.match((await get('/machines?q=%3Cscript%3E')).text, /value="&lt;script&gt;"/)
  })

  test('a withheld machine is marked, found by its state, and served again when it is mended', async (t) => {
    const { farm, get } = await open(t)
    await get('/machines')
    await farm.ask('patch', '/machines/web', {
      body: { interfaces: { eth0: { ip: '192.0.2.11' } } },
      query: { force: 'true' },
    })
    const withheld = await get('/machines?state=withheld')
    assert.deepEqual(
      listed(withheld),
      ['acas0001', 'acas0002', 'acas0003', 'web'].filter((name) => /^(web|acas0001)$/.test(name)),
    )
    assert.match(withheld.text, /class="mark bad">withheld</)
    await farm.ask('patch', '/machines/web', { body: { interfaces: { eth0: { ip: '192.0.2.15' } } } })
    assert.deepEqual(listed(await get('/machines?state=withheld')), [])
  })

  test('its columns, order and filters stand in the address; a viewer has nothing to change with', async (t) => {
    const { get } = await open(t, { user: 'viewer' })
    const { text } = await get('/machines?column=ip&column=memory_mib&sort=-memory_mib&q=acas')
    const [head = ''] = /<thead>.*?<\/thead>/s.exec(text) ?? []
    assert.deepEqual(
      [...head.matchAll(/<th scope="col"[^>]*>(?:<a [^>]*>)?([^<]+?) ?</g)].map(([, label]) => label),
      ['Machine', 'State', 'Address', 'MiB'],
    )
    assert.match(
      head,
      /aria-sort="descending"><a href="\/machines\?q=acas&amp;sort=memory_mib&amp;column=ip&amp;column=memory_mib">MiB/,
    )
    assert.doesNotMatch(text, /type="checkbox" name="machine"|formaction|href="\/add"/)
  })

  test('a search as one types puts its own address into the history', async (t) => {
    const { part } = await open(t, { user: 'viewer' })
    const answer = await part('/machines?q=web&profile=&boot=&state=&dom0=')
    assert.equal(answer.headers['hx-push-url'], '/machines?q=web')
  })

  test('rows that can’t be read are in it, and marked', async (t) => {
    const { farm, get } = await open(t)
    await farm.store.db
      .updateTable('machines' as never)
      .set({ memory_mib: 'much' } as never)
      .where('hostname' as never, '=', 'web' as never)
      .execute()
    const answer = await get('/machines?state=withheld')
    assert.deepEqual(listed(answer), ['web'])
  })
})

for (const flavour of flavours)
  describe(`many at once, ${flavour}`, () => {
    test('fields are changed after a look at before, after and what is served, in one transaction signed by who did it', async (t) => {
      const { farm, get, post } = await open(t, { flavour })
      const form = await get('/bulk/edit?machine=acas0002&machine=acas0003')
      assert.match(textOf(form), /acas\[0002-0003\].*2048/)
      const set = {
        select: 'acas[0002-0003]',
        'set.memory_mib': '4096',
        'clear.notes': '1',
        'param.name': 'rack',
        'param.value': 'r12',
      }
      const review = await post('/bulk/edit', { ...set, act: 'review' })
      assert.equal(review.status, 200)
      assert.match(textOf(review), /<span class="name">memory_mib<\/span> <del>2048<\/del>.*<ins>4096<\/ins>/)
      assert.match(textOf(review), /What is served: [12] machines? changes? in 1 way/)
      const done = await post('/bulk/edit', { ...carriedBy(review), act: 'do' })
      assert.deepEqual([done.status, done.headers['location']], [303, '/machines?done=changed'])
      const [one, two] = await readChanges(farm.store, { limit: 2 })
      assert.deepEqual(
        [one?.who, two?.who, one?.row_key, two?.row_key],
        ['web:operator', 'web:operator', 'acas0003', 'acas0002'],
      )
      assert.deepEqual(listed(await get('/machines?q=memory_mib%3D4096')), ['acas0002', 'acas0003'])
    })

    test('when somebody else has changed one of them meanwhile nothing is done, and the page says who and what', async (t) => {
      const { farm, post } = await open(t, { flavour })
      const review = await post('/bulk/edit', { select: 'acas[0002-0003]', 'set.memory_mib': '4096', act: 'review' })
      await farm.ask('patch', '/machines/acas0003', { body: { notes: 'mine' }, as: 'admin' })
      const again = await post('/bulk/edit', { ...carriedBy(review), act: 'do' })
      assert.equal(again.status, 409)
      assert.match(textOf(again), /it is no longer what you saw \(api:admin\/\w+ changed acas0003\)/)
      assert.equal((await post('/bulk/edit', { ...carriedBy(again), act: 'do' })).status, 303, 'decided anew')
    })

    test('what can’t stand in a field is said beside it; what would withhold machines takes a tick', async (t) => {
      const { get, post } = await open(t, { flavour })
      const select = 'acas0002, web'
      const wrong = await post('/bulk/edit', { select, 'set.memory_mib': 'much', act: 'review' })
      assert.equal(wrong.status, 422)
      assert.match(wrong.text, /id="set-memory_mib-fault">expected a whole number of MiB/)
      assert.match(wrong.text, /value="much"/)
      assert.match(textOf(await post('/bulk/edit', { select, act: 'review' })), /Nothing is to be changed yet/)
      assert.match(
        textOf(await post('/bulk/edit', { select, 'set.disk': 'sda', 'clear.disk': '1', act: 'review' })),
        /given a value and cleared/,
      )
      const huge = await post('/bulk/edit', { select: 'acas0002', 'set.memory_mib': '65536', act: 'review' })
      assert.match(textOf(huge), /Would be withheld/)
      const refused = await post('/bulk/edit', { ...carriedBy(huge), act: 'do' })
      assert.match(textOf(refused), /machines that are served today would be withheld/)
      assert.equal((await post('/bulk/edit', { ...carriedBy(refused), act: 'do', force: '1' })).status, 303)
      assert.ok(listed(await get('/machines?state=withheld')).includes('acas0002'))
    })

    test('an install is armed after its disks were named and a tick, and not twice by one decision', async (t) => {
      const { farm, get, post } = await open(t, { flavour })
      const form = await get('/bulk/arm?scope=all&q=web')
      assert.match(textOf(form), /<th scope="row" class="folds">web<\/th><td class="folds"><strong>nvme0n1<\/strong>/)
      const decided = { ...carriedBy(form), guests: 'new', hours: '2', act: 'do' }
      assert.match(textOf(await post('/bulk/arm', decided)), /tick that these disks may be erased/)
      assert.equal((await post('/bulk/arm', { ...decided, hours: 'soon', sure: '1' })).status, 422)
      const armed = await post('/bulk/arm', { ...decided, sure: '1' })
      assert.deepEqual([armed.status, armed.headers['location']], [303, '/machines?done=armed&state=armed'])
      assert.deepEqual(listed(await get('/machines?state=armed')), ['web'])
      const again = await post('/bulk/arm', { ...decided, sure: '1' })
      assert.equal(again.status, 409, 'the same decision once more')
      assert.deepEqual(await armedOnes(farm), ['web'])
      const dom0 = await get('/bulk/arm?machine=acas0001')
      assert.match(textOf(dom0), /\/dev\/sda5 of acas0001/)
      assert.match(
        textOf(await post('/bulk/arm', { select: 'acas0001', guests: 'none', act: 'look' })),
        /Guests that stay as they are: acas\[0002-0003\]/,
      )
    })

    test('a machine that can’t be installed is named with the reason, and nothing can be armed', async (t) => {
      const { farm, get, post } = await open(t, { flavour })
      await farm.ask('patch', '/machines/web', { body: { disk: null } })
      const form = await get('/bulk/arm?machine=web')
      assert.match(textOf(form), /Nothing can be armed like this.*<strong>web<\/strong>:/)
      assert.equal((await post('/bulk/arm', { select: 'web', act: 'do', sure: '1', seen: '' })).status, 200)
      assert.deepEqual(await armedOnes(farm), [])
    })

    test('the next boot is set; an install that was armed is taken back', async (t) => {
      const { get, post } = await open(t, { flavour })
      assert.match(
        textOf(await get('/bulk/boot?scope=page&q=acas&from=acas0002')),
        /acas\[0002-0003\].*Now: local \(2\)/,
      )
      assert.equal((await post('/bulk/boot', { select: 'acas[0002-0003]', boot: 'rescue' })).status, 303)
      assert.deepEqual(listed(await get('/machines?boot=rescue')), ['acas0002', 'acas0003'])
      assert.equal((await post('/bulk/boot', { select: 'web', boot: 'install' })).status, 422, 'this arms nothing')
    })

    test('machines are removed, and no guest is left without its Dom0', async (t) => {
      const { get, post } = await open(t, { flavour })
      assert.match(textOf(await get('/bulk/remove?machine=acas0001')), /still has 2 guests: acas\[0002-0003\]/)
      const ask = await get('/bulk/remove?scope=all&q=acas')
      assert.match(textOf(ask), /Remove 3 machines\?/)
      assert.equal((await post('/bulk/remove', { ...carriedBy(ask), act: 'do' })).status, 303)
      assert.deepEqual(listed(await get('/machines')), ['web'])
    })

    test('a machine is added with its interfaces; faults stand beside their fields', async (t) => {
      const { get, post } = await open(t, { flavour })
      const nic = {
        'nic.0.name': 'eth0',
        'nic.0.mac': '00:00:5e:00:53:99',
        'nic.0.ip': '192.0.2.99',
        'nic.0.network': 'farm',
      }
      const own = {
        hostname: 'db01',
        'set.profile': 'base',
        'set.disk': 'sda',
        'param.lines': 'rack = r7',
        ...nic,
        act: 'review',
      }
      const wrong = await post('/add', { ...own, 'nic.0.ip': '192.0.2.300', 'set.vcpus': 'x', hostname: 'db01' })
      assert.match(wrong.text, /id="nic-0-ip-fault">expected an IPv4 address/)
      assert.match(wrong.text, /id="set-vcpus-fault">expected a whole number/)
      assert.match((await post('/add', { ...own, hostname: '' })).text, /id="hostname-fault">expected a host name/)
      assert.match(textOf(await post('/add', { ...own, hostname: 'web' })), /There is a machine web already/)
      const taken = await post('/add', { ...own, 'nic.0.ip': '192.0.2.14' })
      assert.match(taken.text, /id="nic-0-ip-fault">web\/eth0 has the same address/)
      assert.match(taken.text, /name="insist"/)
      const review = await post('/add', own)
      assert.match(textOf(review), /<ins>192\.0\.2\.99<\/ins>/)
      const added = await post('/add', { ...carriedBy(review), act: 'do' })
      assert.deepEqual([added.status, added.headers['location']], [303, '/machines?q=db01&done=added'])
      assert.deepEqual(listed(await get('/machines?q=192.0.2.99')), ['db01'])
    })

    test('a stranger who asked is adopted by way of the form, with MAC', async (t) => {
      const { get } = await open(t, { flavour })
      const seen = await get('/seen')
      const [, href = ''] = /href="(\/add\?[^"]+)"/.exec(seen.text) ?? []
      assert.equal(href, '/add?mac=00%3A00%3A5e%3A00%3A53%3A78')
      assert.match((await get(href)).text, /name="nic\.0\.mac" value="00:00:5e:00:53:78"/)
    })
  })

test('nobody is chosen, or somebody who is not there: a page that says the way out', async (t) => {
  const { get, post } = await open(t)
  assert.match(textOf(await get('/bulk/edit')), /No machine is chosen: go back to the list/)
  const gone = await post('/bulk/edit', { select: 'nobody', act: 'review' })
  assert.deepEqual([gone.status, /there is no machine nobody/i.test(textOf(gone))], [422, true])
})

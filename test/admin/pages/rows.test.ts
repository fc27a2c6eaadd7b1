// Networks, profiles and images, on SQLite and on MariaDB: asked as a browser without scripts asks.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { flavours } from '../../databases.ts'
import { textOf } from '../site.ts'
import { filledIn, openAsking } from './asking.ts'

const open = openAsking()

describe('networks, profiles and images', () => {
  test('are listed with how many machines use each', async (t) => {
    const { get } = await open(t, { user: 'viewer' })
    assert.match(
      textOf(await get('/networks')),
      /<a href="\/networks\/farm">farm<\/a><\/th><td class="number">4<\/td><td>192\.0\.2\.0\/24/,
    )
    const profiles = textOf(await get('/profiles'))
    assert.match(profiles, /<a href="\/profiles\/base">base<\/a><\/th><td class="number">4<\/td>/)
    assert.match(profiles, /<a href="\/profiles\/dom0">dom0<\/a><\/th><td class="number">1<\/td>/)
    assert.match(textOf(await get('/images')), /<a href="\/images\/el9">el9<\/a><\/th><td class="number">4<\/td>/)
    assert.doesNotMatch(profiles, /href="\/add\/profile"/)
  })

  test('a profile shows what holds along its chain and which of it says so, and its machines', async (t) => {
    const { farm, get } = await open(t, { user: 'viewer' })
    await farm.ask('patch', '/profiles/dom0', { body: { params: { 'packages+': ['xen'], api_token: 'hush' } } })
    const text = textOf(await get('/profiles/dom0'))
    assert.match(text, /Hypervisor<\/th><td class="folds lines">xen<\/td><td>here/)
    assert.match(text, /Install template<\/th><td class="folds lines">own\.ks<\/td><td><a href="\/profiles\/base">base/)
    assert.match(text, /params\.packages\+<\/th><td class="folds lines">xen<\/td><td>here/)
    assert.match(text, /params\.packages<\/th><td class="folds lines">vim/)
    assert.match(text, /1 machine uses it.*acas0001.*href="\/machines\?q=profile%3Ddom0"/)
    assert.match(text, /Lately changed.*api:operator/)
    assert.doesNotMatch(text, /hush/)
    assert.match(textOf(await get('/profiles/base')), /Profiles that name it: <a href="\/profiles\/dom0">dom0/)
    assert.equal((await get('/profiles/nothing')).status, 404)
  })

  test('a row that can’t be read is named in the list, shown, and mended', async (t) => {
    const { farm, get, post } = await open(t)
    await farm.store.db
      .updateTable('networks' as never)
      .set({ gateway: 'nowhere' } as never)
      .where('name' as never, '=', 'farm' as never)
      .execute()
    assert.match(textOf(await get('/networks')), /Can’t be read.*gateway: expected an IPv4 address/)
    assert.match(textOf(await get('/networks/farm')), /It can’t be read.*nowhere/)
    const form = filledIn(await get('/networks/farm/edit'))
    assert.equal(form['set.gateway'], 'nowhere')
    const review = await post('/networks/farm/edit', { ...form, 'set.gateway': '192.0.2.254', act: 'review' })
    assert.equal((await post('/networks/farm/edit', { ...filledIn(review), act: 'do' })).status, 303)
    assert.doesNotMatch(textOf(await get('/networks')), /Can’t be read/)
  })
})

for (const flavour of flavours)
  describe(`changed, ${flavour}`, () => {
    test('a change says before it is done how many machines would be served otherwise', async (t) => {
      const { farm, get, post } = await open(t, { flavour })
      const form = filledIn(await get('/profiles/base/edit'))
      assert.deepEqual([form['set.image'], form['set.params']], ['el9', 'packages = ["vim"]'])
      const review = await post('/profiles/base/edit', {
        ...form,
        'set.kernel_args': 'nomodeset',
        'set.repositories': 'extras = http://192.0.2.1/extras',
        'set.params': 'packages = ["vim"]\r\nrack = r1',
        act: 'review',
      })
      assert.equal(review.status, 200)
      assert.match(textOf(review), /kernel_args<\/span> <del>\(none\)<\/del>.*<ins>nomodeset/)
      const done = await post('/profiles/base/edit', { ...filledIn(review), act: 'do' })
      assert.deepEqual([done.status, done.headers['location']], [303, '/profiles/base?done=changed'])
      const body: unknown = (await farm.ask('get', '/profiles/base')).body
      const network = filledIn(await get('/networks/farm/edit'))
      const gateway = await post('/networks/farm/edit', { ...network, 'set.gateway': '192.0.2.253', act: 'review' })
      assert.match(textOf(gateway), /What is served: 4 machines change in \d ways?/)
      const { kernel_args, repositories, params, image } = body as Readonly<Record<string, unknown>>
      assert.deepEqual(
        { kernel_args, repositories, params, image },
        {
          kernel_args: 'nomodeset',
          repositories: [{ name: 'extras', url: 'http://192.0.2.1/extras' }],
          params: { packages: ['vim'], rack: 'r1' },
          image: 'el9',
        },
      )
    })

    test('faults stand beside their fields; two who edit at once keep both changes', async (t) => {
      const { farm, get, post } = await open(t, { flavour })
      const form = filledIn(await get('/networks/farm/edit'))
      const wrong = await post('/networks/farm/edit', { ...form, 'set.cidr': '192.0.2.0', act: 'review' })
      assert.deepEqual([wrong.status, /id="set-cidr-fault">expected a network/.test(wrong.text)], [422, true])
      await farm.ask('patch', '/networks/farm', { body: { mtu: 9000 }, as: 'admin' })
      const merged = await post('/networks/farm/edit', { ...form, 'set.vlan': '30', act: 'review' })
      assert.equal(merged.status, 409)
      assert.match(textOf(merged), /no longer what you opened \(api:admin\/\w+ changed it\)/)
      const review = await post('/networks/farm/edit', { ...filledIn(merged), act: 'review' })
      assert.match(textOf(review), /vlan<\/span>/)
      assert.doesNotMatch(textOf(review), /mtu<\/span>/)
    })

    test('what would withhold machines takes a tick', async (t) => {
      const { get, post } = await open(t, { flavour })
      const form = filledIn(await get('/profiles/base/edit'))
      const review = await post('/profiles/base/edit', { ...form, 'set.parent': 'base', act: 'review' })
      assert.match(textOf(review), /Would be withheld/)
      const refused = await post('/profiles/base/edit', { ...filledIn(review), act: 'do' })
      assert.match(textOf(refused), /machines that are served today would be withheld/)
    })

    test('one is added, alone or like another, and removed while nothing names it', async (t) => {
      const { get, post } = await open(t, { flavour })
      assert.match(
        textOf(await get('/profiles/base/remove')),
        /in use by profiles dom0 and machines acas\[0001-0003\], web/,
      )
      const like = filledIn(await get('/add/profile?like=base'))
      assert.equal(like['set.template'], 'own.ks')
      assert.match((await post('/add/profile', { ...like, act: 'review' })).text, /id="name-fault">expected a name/)
      assert.match(
        (await post('/add/profile', { ...like, name: 'dom0', act: 'review' })).text,
        /id="name-fault">there is a profile of this name already/,
      )
      const review = await post('/add/profile', { ...like, name: 'web', act: 'review' })
      const added = await post('/add/profile', { ...filledIn(review), act: 'do' })
      assert.deepEqual([added.status, added.headers['location']], [303, '/profiles/web?done=added'])
      assert.match(textOf(await get('/profiles/web')), /Nothing names it: it can be removed/)
      const ask = await get('/profiles/web/remove')
      const removed = await post('/profiles/web/remove', { ...filledIn(ask), act: 'do' })
      assert.deepEqual([removed.status, removed.headers['location']], [303, '/profiles?done=removed'])
      assert.equal((await get('/profiles/web')).status, 404)
      const image = { name: 'el10', 'set.arch': 'x86_64', 'set.kernel': 'vmlinuz', 'set.initrd': 'initrd.img' }
      const shown = await post('/add/image', { ...image, act: 'review' })
      assert.equal((await post('/add/image', { ...filledIn(shown), act: 'do' })).status, 303)
    })
  })

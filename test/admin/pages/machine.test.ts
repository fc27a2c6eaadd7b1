// The pages of one machine, on SQLite and on MariaDB: asked as a browser without scripts asks.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readChanges } from '../../../server/inventory/store/read.ts'
import { recordEvents } from '../../../server/inventory/store/record.ts'
import { flavours } from '../../databases.ts'
import { textOf } from '../site.ts'
import { filledIn, openAsking } from './asking.ts'

const open = openAsking()

const installing = {
  ...{ machine: 'web', stage: 'installing', at: '2026-11-23T12:00:00.000Z', door: 'http', peer: null },
  ...{ detail: 'packages', progress: 40 },
} as const

describe('one machine', () => {
  test('shows what it is, and of each value from which layer it comes', async (t) => {
    const { get } = await open(t, { user: 'viewer' })
    const answer = await get('/machines/web')
    assert.equal(answer.status, 200)
    const text = textOf(answer)
    assert.match(text, /<h1>web<\/h1>/)
    assert.match(
      text,
      /<th scope="row">template<\/th><td class="folds">own\.ks<\/td> <td class="folds">.*?profile base\.template/,
    )
    assert.match(text, /<th scope="row">params\.rack<\/th><td class="folds">r12<\/td>.*?machine web\.params\.rack/)
    assert.match(text, /<th scope="row">params\.root_password_hash<\/th><td class="folds">\(secret\)/)
    assert.doesNotMatch(text, /never-shown|href="\/machines\/web\/edit"/)
    assert.match(textOf(await get('/machines/acas0001')), /href="\/machines\/acas0001\/guests">acas\[0002-0003\]/)
    assert.match(textOf(await get('/machines/acas0002')), /href="\/machines\/acas0001\/guests">acas0001<\/a>/)
    assert.match(textOf(await get('/machines/acas0002')), /00:16:3e:[0-9a-f:]+ <span class="tag">from its name/)
    assert.match((await get('/machines/WEB.farm.example.org')).text, /<h1>web<\/h1>/)
    assert.equal((await get('/machines/nobody')).status, 404)
  })

  test('every layer that says something about a value is named, and which of them holds', async (t) => {
    const { farm, get } = await open(t)
    await farm.ask('patch', '/machines/web', { body: { params: { timezone: 'Europe/Paris' } } })
    const text = textOf(await get('/machines/web?layers=1'))
    const [, row = ''] = /params\.timezone<\/th>(.*?)<\/tr>/.exec(text) ?? []
    assert.match(row, /site timezone = Etc\/UTC<\/span>.*holds.*machine web\.params\.timezone = Europe\/Paris <span/)
  })

  test('a row that can’t be read is shown with why, and is mended by its form', async (t) => {
    const { farm, get, post } = await open(t)
    await farm.store.db
      .updateTable('machines' as never)
      .set({ memory_mib: 'much' } as never)
      .where('hostname' as never, '=', 'web' as never)
      .execute()
    assert.match(textOf(await get('/machines/web')), /Withheld.*memory_mib/)
    const form = await get('/machines/web/edit')
    assert.match(form.text, /name="set\.memory_mib" value="much"/)
    const review = await post('/machines/web/edit', { ...filledIn(form), 'set.memory_mib': '2048', act: 'review' })
    assert.equal(review.status, 200)
    assert.equal((await post('/machines/web/edit', { ...filledIn(review), act: 'do' })).status, 303)
    assert.doesNotMatch(textOf(await get('/machines/web')), /Withheld/)
  })

  test('what it will be told is shown for each firmware; a viewer sees no text and no secret', async (t) => {
    const { get, as } = await open(t)
    await (await as('operator')).post('/bulk/boot', { select: 'web', boot: 'rescue' })
    for (const [firmware, expected] of [
      ['bios', /pxelinux/],
      ['uefi', /(shim|grub|ipxe)/],
      ['http', /HTTP/],
      ['ipxe', /\.ipxe/],
    ] as const) {
      const answer = await get(`/machines/web/explain?as=${firmware}`)
      assert.equal(answer.status, 200, firmware)
      assert.match(textOf(answer), expected, firmware)
      assert.match(textOf(answer), /network farm\.gateway|interface web\/eth0\.ip|network farm\.cidr/, firmware)
    }
    const seen = await (await as('viewer')).get('/machines/web/explain')
    assert.doesNotMatch(seen.text, /never-shown|<pre/)
  })

  test('its artefacts are listed for all, and shown in colours to operators alone', async (t) => {
    const { get, as } = await open(t)
    assert.match(textOf(await get('/machines/acas0001/artefacts')), /xen\/acas0002/)
    const kickstart = await get('/machines/web/artefact?name=kickstart')
    assert.match(kickstart.text, /<span class="hljs-keyword">rootpw<\/span> <span class="hljs-variable">\$6<\/span>/)
    assert.match(textOf(kickstart), /a preview/)
    assert.match((await get('/machines/acas0001/artefact?name=xen%2Facas0002')).text, /hljs-string/)
    assert.equal((await get('/machines/web/artefact?name=nothing')).status, 422)
    const viewer = await as('viewer')
    assert.equal((await viewer.get('/machines/web/artefact?name=kickstart')).status, 403)
    assert.doesNotMatch((await viewer.get('/machines/web/artefacts')).text, /artefact\?name/)
  })

  test('its timeline is asked for again, and answered only when there is something new', async (t) => {
    const { farm, get, as } = await open(t)
    assert.match(textOf(await get('/machines/web/timeline')), /Nothing yet/)
    await recordEvents(farm.store, [{ ...installing, stage: 'armed', progress: null, detail: null }, installing])
    const answer = await get('/machines/web/timeline')
    assert.match(textOf(answer), /<strong>installing<\/strong> 40 % packages/)
    assert.match(textOf(answer), /<li class="step done">armed/)
    const [, live = ''] = /hx-get="([^"]+)"/.exec(answer.text) ?? []
    const viewer = await as('viewer')
    const again = () => viewer.part(live)
    assert.equal((await again()).status, 204)
    await recordEvents(farm.store, [{ ...installing, progress: 60, at: '2026-11-23T12:01:00.000Z' }])
    assert.match((await again()).text, /60 %/)
  })
})

for (const flavour of flavours)
  describe(`one machine changed, ${flavour}`, () => {
    test('fields, params and interfaces are changed after a look; what was not touched stays as it is', async (t) => {
      const { farm, get, post } = await open(t, { flavour })
      const form = await get('/machines/web/edit')
      const filled = filledIn(form)
      assert.equal(filled['nic.eth0.30.vlan'], '30')
      assert.equal(filled['param.lines'], 'rack = r12')
      const given = {
        ...filled,
        'set.vcpus': '4',
        'param.lines': 'rack = r13\r\nrow = 7',
        'nic.eth0.ip': '192.0.2.44',
        'gone.eth0.30': '1',
        'new.0.name': 'eth1',
        'new.0.mac': '00:00:5e:00:53:44',
        act: 'review',
      }
      const review = await post('/machines/web/edit', given)
      assert.equal(review.status, 200)
      const text = textOf(review)
      for (const expected of [
        /vcpus<\/span> <del>\(none\)<\/del>.*?<ins>4/,
        /params\.rack<\/span> <del>"r12"<\/del>.*?<ins>"r13"/,
        /params\.row<\/span>.*?<ins>7/,
        /interface\.eth0\.ip<\/span> <del>192\.0\.2\.14/,
        /interface\.eth0\.30 removed/,
        /interface\.eth1 added/,
        /What is served: 1 machine changes/,
      ])
        assert.match(text, expected)
      assert.doesNotMatch(text, /notes<\/span>/)
      const done = await post('/machines/web/edit', { ...filledIn(review), act: 'do' })
      assert.deepEqual([done.status, done.headers['location']], [303, '/machines/web?done=changed'])
      const body: unknown = (await farm.ask('get', '/machines/web')).body
      const { vcpus, params, interfaces, notes } = body as Readonly<Record<string, unknown>>
      assert.deepEqual(
        [vcpus, params, Object.keys(interfaces as object)],
        [4, { rack: 'r13', row: 7 }, ['eth0', 'eth1']],
      )
      assert.equal(notes, 'the "last", of\nits kind')
    })

    test('a profile and a network that are not there stay in the form, and nothing is changed unasked', async (t) => {
      const { farm, get, post } = await open(t, { flavour })
      const body = { profile: 'gone', interfaces: { eth0: { network: 'gone' } } }
      await farm.ask('patch', '/machines/web', { body, query: { force: 'true' } })
      const review = await post('/machines/web/edit', { ...filledIn(await get('/machines/web/edit')), act: 'review' })
      assert.match(textOf(review), /Nothing changes: it is so already/)
    })

    test('faults stand beside their fields', async (t) => {
      const { get, post } = await open(t, { flavour })
      const filled = filledIn(await get('/machines/web/edit'))
      const wrong = await post('/machines/web/edit', {
        ...filled,
        'set.memory_mib': 'much',
        'nic.eth0.ip': '192.0.2.300',
        'new.0.mac': '00:00:5e:00:53:44',
        act: 'review',
      })
      assert.equal(wrong.status, 422)
      assert.match(wrong.text, /id="new-0-name-fault">expected a name/)
      const second = await post('/machines/web/edit', {
        ...filled,
        'set.memory_mib': 'much',
        'nic.eth0.ip': '192.0.2.300',
        act: 'review',
      })
      assert.match(second.text, /id="set-memory_mib-fault">expected a whole number/)
      assert.match(second.text, /id="nic-eth0-ip-fault">expected an IPv4 address/)
    })

    test('who edits while somebody else does keeps both changes, and is asked where they meet', async (t) => {
      const { farm, get, post } = await open(t, { flavour })
      const filled = filledIn(await get('/machines/web/edit'))
      await farm.ask('patch', '/machines/web', { body: { memory_mib: 8192, disk: 'sdb' }, as: 'admin' })
      const merged = await post('/machines/web/edit', {
        ...filled,
        'set.memory_mib': '4096',
        'set.vcpus': '2',
        act: 'review',
      })
      assert.equal(merged.status, 409)
      assert.match(textOf(merged), /no longer what you opened \(api:admin\/\w+ changed web\)/)
      assert.match(merged.text, /id="set-memory_mib-fault">is 8192 meanwhile; yours would replace it/)
      const both = filledIn(merged)
      assert.deepEqual([both['set.memory_mib'], both['set.vcpus'], both['set.disk']], ['4096', '2', 'sdb'])
      const review = await post('/machines/web/edit', { ...both, act: 'review' })
      assert.equal(review.status, 200)
      assert.doesNotMatch(textOf(review), /name">disk</)
      await farm.ask('patch', '/machines/web', { body: { notes: 'once more' }, as: 'admin' })
      assert.equal(
        (await post('/machines/web/edit', { ...filledIn(review), act: 'do' })).status,
        409,
        'after the review',
      )
    })

    test('its history names who changed what, and a change is taken back without what came after it', async (t) => {
      const { farm, get, post, as } = await open(t, { flavour })
      await farm.ask('patch', '/machines/web', { body: { memory_mib: 4096, vcpus: 2, params: { rack: 'r1' } } })
      const [first] = await readChanges(farm.store, { machine: 'web', limit: 1 })
      await farm.ask('patch', '/machines/web', { body: { vcpus: 8, params: { row: 'a' } } })
      const history = textOf(await get('/machines/web/history'))
      assert.match(history, /api:operator\/\w+.*vcpus<\/span> <del>2<\/del>.*<ins>8/)
      const href = `/machines/web/history/${first?.id ?? ''}`
      assert.match(textOf(await get(href)), /memory_mib<\/span> <del>\(none\)<\/del>.*<h2 id="served">/)
      assert.doesNotMatch(textOf(await (await as('viewer')).get(href)), /id="served"|Take it back/)
      assert.equal((await (await as('viewer')).post(href, { act: 'review' })).status, 403)
      const review = await post(href, { act: 'review' })
      assert.match(textOf(review), /Changed again since, so it stays: vcpus/)
      const done = await post(href, { ...filledIn(review), act: 'do' })
      assert.deepEqual([done.status, done.headers['location']], [303, '/machines/web?done=reverted'])
      const body: unknown = (await farm.ask('get', '/machines/web')).body
      const { memory_mib, vcpus, params } = body as Readonly<Record<string, unknown>>
      assert.deepEqual([memory_mib, vcpus, params], [null, 8, { rack: 'r12', row: 'a' }])
      assert.equal((await get('/machines/web/history/999999')).status, 404)
    })

    test('from its page one comes back to it when an install is armed, or taken back', async (t) => {
      const { get, post } = await open(t, { flavour })
      const form = await get('/bulk/arm?machine=web&back=machine')
      assert.match(textOf(form), /<strong>nvme0n1<\/strong>/)
      const armed = await post('/bulk/arm', { ...filledIn(form), act: 'do', sure: '1' })
      assert.deepEqual([armed.status, armed.headers['location']], [303, '/machines/web?done=armed'])
      assert.match(textOf(await get('/machines/web?done=armed')), /Disarm….*The install is armed/)
      const back = await post('/bulk/boot', { select: 'web', back: 'machine', boot: 'local' })
      assert.equal(back.headers['location'], '/machines/web?done=boot')
      assert.match(textOf(await get('/machines/web/history')), /token made/)
    })
  })

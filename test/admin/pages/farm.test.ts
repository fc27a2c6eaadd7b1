// The farm at a glance, its findings, its history, a Dom0 and the targets: as a browser without scripts asks for them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readRevision, readSnapshot } from '../../../server/inventory/store/read.ts'
import { recordConsoles } from '../../../server/inventory/store/record.ts'
import { flavours } from '../../databases.ts'
import { farm as usual } from '../../unit/cli/cli.ts'
import { heard } from '../api/farm.ts'
import { textOf } from '../site.ts'
import { carriedBy, openAsking } from './asking.ts'

const open = openAsking()

describe('the farm at a glance', () => {
  test('installs that are on or failed, the failed ones first; counts lead to the machines', async (t) => {
    const quiet = textOf(await (await open(t)).get('/'))
    assert.match(quiet, /Nothing is being installed, and nothing went wrong/)
    assert.match(quiet, /4<\/span> <span class="mark calm">never heard of/)
    const asking = await open(t, { user: 'viewer' })
    await heard(asking.farm, 'web', 'kickstart')
    await heard(asking.farm, 'web', 'installing', 'packages', 40)
    await heard(asking.farm, 'acas0001', 'failed', 'no such disk')
    const shown = await asking.part('/', 'now')
    const text = textOf(shown)
    assert.doesNotMatch(text, /<html/)
    assert.match(text, /acas0001.*failed.*no such disk.*web.*installing 40 %.*value="40".*packages/)
    assert.match(text, /href="\/machines\?state=installing"/)
  })

  test('what is bad, who asked in vain, who changed what, and whether all is well', async (t) => {
    const asking = await open(t)
    assert.match(textOf(await asking.get('/')), /None<\/span>: every machine can be served/)
    await asking.farm.ask('patch', '/machines/web', {
      body: { interfaces: { eth0: { ip: '192.0.2.11' } } },
      query: { force: 'true' },
    })
    const text = textOf(await asking.get('/'))
    assert.match(text, /2 withheld/)
    assert.match(text, /href="\/findings\?what=interfaces\.ip">interfaces\.ip<\/a> <span class="name">of 2 machines/)
    assert.match(text, /1 asked in vain/)
    assert.match(text, /api:operator\/t[\w]*<\/strong>.*web <span class="name">interface\.eth0 ip</)
    assert.match(text, /<span class="mark good">Database<\/span> ok/)
  })
})

describe('findings', () => {
  const bad = usual
    .replace('ip: 192.0.2.14', 'ip: 192.0.2.11')
    .replace('gateway: 192.0.2.254', 'gateway: 198.51.100.1')
    .replace('memory_mib: 16384', 'memory_mib: 4096')

  test('each names machine, field, value and way out, and leads to what is to be mended', async (t) => {
    const { get } = await open(t, { yaml: bad })
    const text = textOf(await get('/findings'))
    assert.match(text, /5 in all, 4 machines withheld/)
    assert.match(
      text,
      /acas0001<\/a><\/th>.*interfaces eth0 ip.*192\.0\.2\.11.*web\/eth0 has the same address; change one/,
    )
    assert.match(text, /<th scope="row">farm<\/th>.*warning.*networks farm gateway.*href="\/networks\/farm"/)
    assert.match(text, /href="\/machines\/acas0002\/edit">Mend<span class="unseen"> machines acas0002/)
  })

  test('are found by machine, severity and field', async (t) => {
    const { get } = await open(t, { yaml: bad, user: 'viewer' })
    for (const [query, count] of [
      ['machine=acas', 3],
      ['severity=warning', 1],
      ['what=interfaces.ip', 2],
      ['what=interfaces.ip&machine=web', 1],
      ['machine=nobody', 0],
      ['from=9999', 5],
    ] as const) {
      const { text } = await get(`/findings?${query}`)
      if (!query.startsWith('from')) assert.equal(text.split('<tr>').length - 1, count === 0 ? 0 : count + 1, query)
      else assert.match(text, /5–5 of 5/)
    }
    assert.match(textOf(await (await open(t)).get('/findings')), /Nothing is wrong/)
  })
})

for (const flavour of flavours)
  describe(`history on ${flavour}`, () => {
    test('what one did in one go is one entry, found by machine, who and table', async (t) => {
      const { farm, get } = await open(t, { flavour })
      await farm.ask('patch', '/machines', { body: { select: 'acas0002,acas0003', set: { memory_mib: 3072 } } })
      for (const name of ['acas0002', 'acas0003']) await farm.ask('patch', `/machines/${name}`, { body: { vcpus: 2 } })
      const all = textOf(await get('/changes'))
      assert.match(all, /acas\[0002-0003\] <span class="tag">2<\/span> <span class="name">vcpus/)
      assert.match(textOf(await get('/changes?who=operator')), /api:operator/)
      assert.match(textOf(await get('/changes?who=nobody')), /Nothing was changed like this/)
      assert.match(textOf(await get('/changes?machine=web')), /web <span class="name">(added|interface\.eth0 added)/)
      assert.doesNotMatch(textOf(await get('/changes?machine=web')), /acas0002/)
      assert.match(textOf(await get('/changes?table=networks')), /networks farm <span class="name">added/)
      assert.doesNotMatch((await get('/changes')).text, /never-shown/)
    })

    test('two revisions are compared: rows before → after, and what is served; a viewer sees the rows', async (t) => {
      const { farm, get, as } = await open(t, { flavour })
      const before = await readRevision(farm.store)
      await farm.ask('patch', '/machines/acas0002', { body: { memory_mib: 3072 } })
      await farm.ask('patch', '/machines/acas0003', { body: { memory_mib: 3072 } })
      await farm.ask('patch', '/machines/web', { body: { memory_mib: 1 } })
      await farm.ask('patch', '/machines/web', { body: { memory_mib: null } })
      const answer = await get(`/changes/diff?before=${before}&after=now`)
      const text = textOf(answer)
      assert.match(text, /acas\[0002-0003\].*memory_mib<\/span> <del>2048<\/del>.*<ins>3072<\/ins>/)
      assert.doesNotMatch(text.slice(text.indexOf('In the inventory')), /web/, 'changed and changed back')
      assert.match(text, /What is served: \d machines? changes? in \d ways?/)
      const viewer = await as('viewer')
      const seen = textOf(await viewer.get(`/changes/diff?before=${before}`))
      assert.match(seen, /<ins>3072/)
      assert.doesNotMatch(seen, /What is served|Take this back/)
      assert.match(textOf(await get('/changes/diff?before=99999')), /There is no revision 99999 yet/)
    })

    test('a change is taken back after a look, and what was changed since stays', async (t) => {
      const { farm, get, post } = await open(t, { flavour })
      const before = await readRevision(farm.store)
      await farm.ask('patch', '/machines/acas0002', { body: { memory_mib: 3072 } })
      const after = await readRevision(farm.store)
      await farm.ask('patch', '/machines/acas0002', { body: { vcpus: 4 } })
      const look = await get(`/changes/revert?before=${before}&after=${after}`)
      assert.match(textOf(look), /<del>3072<\/del>.*<ins>2048<\/ins>/)
      const done = await post('/changes/revert', { ...carriedBy(look), act: 'do' })
      assert.equal(done.status, 303, textOf(done))
      const { machines } = await readSnapshot(farm.store)
      assert.deepEqual([machines.get('acas0002')?.memory_mib, machines.get('acas0002')?.vcpus], [2048, 4])
      const back = await get(`/changes/revert?to=${before}`)
      assert.match(textOf(back), /Back to revision/)
      assert.equal((await post('/changes/revert', { ...carriedBy(back), act: 'do', seen: 'other' })).status, 409)
      assert.equal((await post('/changes/revert', { ...carriedBy(back), act: 'do' })).status, 303)
      assert.equal((await readSnapshot(farm.store)).machines.get('acas0002')?.vcpus, null)
      assert.equal((await get('/changes/revert')).status, 422)
    })
  })

describe('a Dom0', () => {
  const pinned = usual
    .replace('vdisk: /dev/sda5,', 'vdisk: /dev/sda5, cpus: 2-3, vcpus: 2,')
    .replace('acas0001: { profile: dom0,', 'acas0001: { profile: dom0, cpus: 0-1,')

  test('is drawn: whose each CPU is, how its memory is shared out, which device is whose', async (t) => {
    const { get } = await open(t, { yaml: pinned, user: 'viewer' })
    const text = textOf(await get('/machines/acas0001/guests'))
    assert.match(text, /CPU <\/span>1<\/span><span class="cpu-holder">acas0001/)
    assert.match(
      text,
      /class="cpu tint-0"><span class="cpu-number"><span class="unseen">CPU <\/span>3<\/span><span class="cpu-holder">acas0002/,
    )
    assert.match(
      text,
      /Nobody is pinned to 4-7\. Guests that are pinned nowhere run wherever there is room: acas0003\./,
    )
    assert.match(text, /acas0001 itself: 1,024 MiB.*acas0002: 2,048 MiB.*free: 11,264 MiB/)
    assert.match(text, /\/dev\/sda5<\/th>.*acas0002.*\/dev\/sda6<\/th>.*acas0003/)
    assert.doesNotMatch(text, /Move…/)
    assert.match(textOf(await get('/machines/acas0002/guests')), /is a guest itself; its Dom0 is acas0001/)
    assert.match(textOf(await get('/machines/web/guests')), /No guest lives here yet/)
  })

  test('says what does not fit', async (t) => {
    const { get } = await open(t, {
      yaml: pinned.replace('memory_mib: 16384', 'memory_mib: 4096').replace('/dev/sda6', '/dev/sda5'),
    })
    const text = textOf(await get('/machines/acas0001/guests'))
    assert.match(text, /What does not fit.*want 4096 MiB and it keeps 1024 itself, but it has 4096/)
    assert.match(text, /1,024 MiB too much/)
    assert.match(text, /sda5 is given to acas0003 too/)
  })

  test('its installs stand side by side, each with its console', async (t) => {
    const asking = await open(t)
    for (const name of ['acas0002', 'acas0003']) {
      await heard(asking.farm, name, 'installing', 'packages', 40)
      await recordConsoles(asking.farm.store, [
        { machine: name, at: new Date().toISOString(), tail: `hello of ${name}\n\nlast <line>` },
      ])
    }
    const text = textOf(await asking.part('/machines/acas0001/guests', 'installs'))
    assert.doesNotMatch(text, /<html/)
    assert.match(text, /acas0002.*value="40".*hello of acas0002 last &lt;line&gt;.*acas0003.*hello of acas0003/)
  })

  test('a guest is given another place after a look at how that would be', async (t) => {
    const { farm, get, post } = await open(t, { yaml: pinned })
    const form = textOf(await get('/machines/acas0003/move'))
    assert.match(form, /name="set\.dom0" value="acas0001"/)
    const place = {
      'set.dom0': 'acas0001',
      'set.cpus': '2',
      'set.vcpus': '',
      'set.memory_mib': '4096',
      'set.vdisk': '/dev/sda6',
    }
    const proposed = textOf(await post('/machines/acas0003/move', { ...place, act: 'propose' }))
    assert.match(proposed, /Filled in is what is free on acas0001, in the measure of acas0003/)
    const nowhere = await post('/machines/acas0003/move', { ...place, 'set.dom0': 'acas0002', act: 'propose' })
    assert.deepEqual([nowhere.status, /expected the name of a Dom0/.test(textOf(nowhere))], [422, true])
    const clash = await post('/machines/acas0003/move', { ...place, act: 'look' })
    assert.match(textOf(clash), /Would be withheld.*CPU 2 is pinned to acas0002 too/)
    assert.match(textOf(clash), /acas0001, as it would be.*acas0002<\/span><span class="cpu-holder">acas0003/)
    const wrong = await post('/machines/acas0003/move', { ...place, 'set.cpus': 'two', act: 'look' })
    assert.deepEqual([wrong.status, /expected CPU numbers such as/.test(textOf(wrong))], [422, true])
    const look = await post('/machines/acas0003/move', { ...place, 'set.cpus': '4', act: 'look' })
    const done = await post('/machines/acas0003/move', { ...place, ...carriedBy(look), 'set.cpus': '4', act: 'do' })
    assert.deepEqual([done.status, done.headers['location']], [303, '/machines/acas0001/guests?done=moved'])
    const guest = (await readSnapshot(farm.store)).machines.get('acas0003')
    assert.deepEqual([guest?.cpus, guest?.memory_mib], ['4', 4096])
    const unseen = await post('/machines/acas0003/move', { ...place, 'set.cpus': '5', seen: 'x', act: 'do' })
    assert.deepEqual([unseen.status, /no longer what you saw/.test(textOf(unseen))], [409, true])
  })
})

describe('targets', () => {
  test('are generated after a look, of what was seen and nothing else; an earlier generation is brought back', async (t) => {
    const { farm, get, post } = await open(t)
    assert.match(textOf(await get('/generate')), /tftpboot.*Nothing was published here yet/)
    const look = await get('/generate/tftpboot')
    assert.match(textOf(look), /files would be written, 0 removed.*machines change in/)
    await farm.ask('patch', '/machines/web', { body: { serial_console: 'ttyS0,115200n8' } })
    const late = await post('/generate/tftpboot', { ...carriedBy(look), act: 'do' })
    assert.deepEqual([late.status, /no longer what you saw/.test(textOf(late))], [409, true])
    const done = await post('/generate/tftpboot', { ...carriedBy(late), act: 'do' })
    assert.match(textOf(done), /Generation 1 is published/)
    assert.match(textOf(await get('/generate/tftpboot')), /All \d+ files are as the inventory has it/)
    await farm.ask('patch', '/machines/web', { body: { serial_console: 'ttyS1,115200n8' } })
    const second = await get('/generate/tftpboot')
    assert.match(textOf(second), /1 machine changes in 1 way.*-SERIAL 0 115200.*\+SERIAL 1 115200/)
    assert.match(textOf(await post('/generate/tftpboot', { ...carriedBy(second), act: 'do' })), /Generation 2/)
    const ask = await get('/generate/tftpboot/rollback?to=1')
    assert.match(textOf(ask), /Bring back generation 1 of tftpboot\?/)
    const back = await post('/generate/tftpboot/rollback', carriedBy(ask))
    assert.match(textOf(back), /Generation 3 is published.*in force<\/span> <span class="tag">as 1/)
    assert.equal((await post('/generate/tftpboot/rollback', carriedBy(ask))).status, 422, 'another one is in force now')
  })

  test('a viewer sees which there are; a server without any says how to have one', async (t) => {
    const { get } = await open(t, { user: 'viewer' })
    assert.doesNotMatch(textOf(await get('/generate')), /What would change/)
    assert.equal((await get('/generate/tftpboot')).status, 403)
    assert.equal((await (await open(t)).get('/generate/kea')).status, 404)
  })
})

// Import and export: every row with what becomes of it, then all or nothing.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import supertest from 'supertest'
import type { Response } from 'supertest'
import { cookieOf, textOf } from '../site.ts'
import { openAsking } from './asking.ts'

const open = openAsking()

const csv = 'hostname,profile,memory_mib\nweb,base,4096\nacas0002,base,2048\ndb01,base,1024\n'
const seenIn = ({ text }: Response): string => /name="seen" value="([^"]*)"/.exec(text)?.[1] ?? ''
const countsIn = (answer: Response): string =>
  (/<p class="counts">(.*?)<\/p>/s.exec(textOf(answer))?.[1] ?? '').replaceAll(/<[^>]+>/g, '')

describe('import', () => {
  test('a file’s rows are shown as new, changed, unchanged; then they are put in, in one transaction', async (t) => {
    const { farm, upload } = await open(t)
    const look = await upload('/import', { act: 'look' }, { name: 'machines.csv', text: csv })
    assert.equal(look.status, 200)
    assert.equal(countsIn(look), '1 new, 1 changed, 1 unchanged, 0 refused')
    assert.match(
      textOf(look),
      /machines web<\/th><td>memory_mib<\/td><td class="folds"><del>\(none\)<\/del><\/td><td class="folds"><ins>4096<\/ins>/,
    )
    assert.match(look.text, /db01,base,1024\n<\/textarea>/, 'the file’s text stands in the form')
    const before = (await farm.ask('get', '/changes', { query: { limit: '1' } })).body as {
      items: { revision: number }[]
    }
    const done = await upload('/import', { act: 'do', text: csv, name: 'machines.csv', seen: seenIn(look), force: '1' })
    assert.deepEqual([done.status, done.headers['location']], [303, '/import?done=1'])
    const { items } = (await farm.ask('get', '/changes', { query: { limit: '3' } })).body as {
      items: { revision: number; who: string; key: string }[]
    }
    const fresh = items.filter(({ revision }) => revision > (before.items[0]?.revision ?? 0))
    assert.deepEqual(fresh.map(({ who, key }) => `${who} ${key}`).toSorted(), ['web:operator db01', 'web:operator web'])
  })

  test('a row that can’t be read is refused with line, field, value and reason, and then nothing is imported', async (t) => {
    const { upload, get } = await open(t)
    const text = csv.replace('4096', 'much')
    const look = await upload('/import', { act: 'do', text, kind: 'machines', seen: '' })
    assert.equal(look.status, 422)
    assert.equal(countsIn(look), '1 new, 0 changed, 1 unchanged, 1 refused')
    assert.match(
      textOf(look),
      /<td class="number">2<\/td><th scope="row">machines web<\/th><td>memory_mib<\/td><td class="folds"><code>"much"<\/code><\/td><td class="folds">expected a whole number/,
    )
    assert.doesNotMatch(look.text, /value="do"/)
    assert.doesNotMatch((await get('/machines')).text, /db01/)
  })

  test('YAML is read as the export writes it; what is no document, or fits no table, is said', async (t) => {
    const { upload, get } = await open(t)
    const yaml = (await get('/export/inventory.yaml')).text
    const same = await upload('/import', { act: 'look', text: yaml })
    assert.match(countsIn(same), /^0 new, 0 changed, \d+ unchanged, 0 refused$/)
    assert.doesNotMatch(same.text, /never-shown.*<section class="card" aria-labelledby="document">/s)
    assert.match(textOf(await upload('/import', { act: 'look', text: 'machines: [' })), /text: /)
    assert.match(
      textOf(await upload('/import', { act: 'look', text: 'a,b\n1,2\n' })),
      /The columns of this CSV \(a, b\) fit no table/,
    )
    assert.match(textOf(await upload('/import', { act: 'look', text: ' ' })), /Choose a file, or paste its text/)
    assert.match(
      textOf(await upload('/import', { act: 'look', text: 'machines: {x: {profile: base}}', kind: 'yaml' })),
      /x<\/strong>: hostname "x": the machine has no interface with a MAC/,
    )
  })

  test('what has changed since it was shown is shown anew, and not done', async (t) => {
    const { farm, upload } = await open(t)
    const look = await upload('/import', { act: 'look', text: csv, kind: 'machines' })
    await farm.ask('patch', '/machines/web', { body: { memory_mib: 8 } })
    const again = await upload('/import', { act: 'do', text: csv, kind: 'machines', seen: seenIn(look), force: '1' })
    assert.deepEqual([again.status, /it is no longer what you saw/.test(textOf(again))], [409, true])
  })

  test('a document that is too long is refused, and so is a form without its token', async (t) => {
    const { farm, upload } = await open(t)
    assert.equal((await upload('/import', { act: 'look', text: 'x'.repeat(3 * 1024 * 1024) })).status, 413)
    const session = await farm.site.session('operator')
    const bare = await supertest(farm.site.app)
      .post('/import')
      .set('Cookie', cookieOf(session))
      .set('Sec-Fetch-Site', 'same-origin')
      .field('text', csv)
    assert.equal(bare.status, 403)
    const broken = await supertest(farm.site.app)
      .post('/import')
      .set('Cookie', cookieOf(session))
      .set('Sec-Fetch-Site', 'same-origin')
      .set('Content-Type', 'multipart/form-data; boundary=x')
      .send('--x\r\nnonsense')
    assert.equal(broken.status, 400)
  })

  test('each table is exported as CSV; a name that is no export is nothing', async (t) => {
    const { get } = await open(t)
    const machines = await get('/export/machines.csv')
    assert.match(machines.headers['content-disposition'] ?? '', /attachment; filename="machines\.csv"/)
    assert.match(machines.text, /^hostname,domain,.*\nacas0001,/)
    assert.equal((await get('/export/..%2Fx')).status, 404)
  })
})

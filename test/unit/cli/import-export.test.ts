import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { farm, openCli, openFarm } from './cli.ts'

const machineRows = async (ok: (...words: string[]) => Promise<string>): Promise<string> =>
  ok('export', '--table', 'machines', '--format', 'csv')

describe('the round trip', () => {
  test('YAML: an export is imported into an empty inventory and exported the same', async (t) => {
    const [from, to] = [await openFarm(t), openCli(t)]
    const exported = await from.ok('export')
    await to.ok('import', to.write('all.yaml', exported))
    assert.equal(await to.ok('export'), exported)
  })

  test('CSV: the same by one file for each table', async (t) => {
    const [from, to] = [await openFarm(t), openCli(t)]
    await from.ok('export', '--format', 'csv', '--out', 'tables')
    const files = ['site', 'networks', 'images', 'profiles', 'machines', 'interfaces'].map((table) =>
      join(from.folder, 'tables', `${table}.csv`),
    )
    await to.ok('import', ...files)
    assert.equal(await to.ok('export'), await from.ok('export'))
  })

  test('what is imported again is unchanged and not written: the history stays as long as it was', async (t) => {
    const cli = await openFarm(t)
    const before = await cli.json('log', '--limit', '1000')
    const { tables } = (await cli.json('import', 'farm.yaml')) as {
      tables: { added: number; changed: number; unchanged: number }[]
    }
    assert.deepEqual(
      tables.map(({ added, changed }) => added + changed),
      [0, 0, 0, 0, 0, 0],
    )
    assert.deepEqual(await cli.json('log', '--limit', '1000'), before)
  })

  test('one table of it, into a file', async (t) => {
    const cli = await openFarm(t)
    await cli.ok('export', '--table', 'networks', '--out', 'networks.yaml')
    assert.match(
      readFileSync(join(cli.folder, 'networks.yaml'), 'utf8'),
      /^networks:\n {2}farm: \{ cidr: 192\.0\.2\.0\/24, [^\n]*\n$/,
    )
    assert.equal((await cli.run(['export', '--format', 'csv'])).code, 2)
  })
})

describe('refused imports write nothing', () => {
  const refused = async (t: Parameters<typeof openCli>[0], path: string, text: string, ...words: string[]) => {
    const cli = await openFarm(t)
    const before = await cli.ok('export')
    const answer = await cli.run(['import', cli.write(path, text), ...words])
    assert.equal(await cli.ok('export'), before)
    return answer
  }

  test('every error of every row is told, with file and line', async (t) => {
    const { code, err } = await refused(
      t,
      'bad.yaml',
      'machines:\n  ok1: { profile: base }\n  bad1: { profile: base, vcpus: none }\n  bad2: { nosuch: 1 }\n',
    )
    assert.equal(code, 1)
    assert.match(err, /bad\.yaml line 3: machines bad1: vcpus/)
    assert.match(err, /bad\.yaml line 4: machines bad2: nosuch/)
    assert.match(err, /bad\.yaml line 4: machines bad2: profile/)
  })

  test('a line of a CSV file', async (t) => {
    const { code, err } = await refused(t, 'machines.csv', 'hostname,profile,vcpus\nok1,base,1\nbad1,base,none\n')
    assert.equal(code, 1)
    assert.match(err, /machines\.csv line 3: machines bad1: vcpus is "none"/)
  })

  test('a machine that would be withheld, unless forced', async (t) => {
    const text = 'machines: { new1: { profile: base, interfaces: { eth0: { mac: 00:00:5e:00:53:01 } } } }'
    const { code, err } = await refused(t, 'twin.yaml', text)
    assert.equal(code, 1)
    assert.match(err, /new1: interface\.eth0\.mac "00:00:5e:00:53:01": acas0001\/eth0 has the same MAC/)
    const cli = await openFarm(t)
    assert.equal((await cli.run(['import', cli.write('twin.yaml', text), '--force'])).code, 0)
    assert.match(await cli.ok('machine', 'list', 'new1'), /withheld/)
  })

  test('what was withheld before does not stand in the way of another change', async (t) => {
    const cli = await openFarm(t)
    await cli.ok(
      'import',
      '--force',
      cli.write('twin.yaml', 'machines: { new1: { profile: base, interfaces: { eth0: { mac: 00:00:5e:00:53:01 } } } }'),
    )
    await cli.ok('machine', 'set', 'new1', 'vcpus=4')
  })

  test('a row given twice', async (t) => {
    const { err } = await refused(t, 'machines.csv', 'hostname,profile\nx1,base\nx1,base\n')
    assert.match(err, /machines x1: given twice/)
  })

  test('YAML keys given twice, and a file that is not there', async (t) => {
    assert.match(
      (await refused(t, 'a.yaml', 'machines:\n  x: { profile: base }\n  x: { profile: base }\n')).err,
      /a\.yaml line 3: the key x is given twice/,
    )
    assert.match((await refused(t, 'a.yaml', '', 'b.yaml')).err, /b\.yaml: no such file/)
  })

  test('a dry run says what would change', async (t) => {
    const cli = await openFarm(t)
    const before = await cli.ok('export')
    const changed = farm.replace('memory_mib: 16384', 'memory_mib: 32768')
    const { code, out, err } = await cli.run(['import', cli.write('changed.yaml', changed), '--dry-run'])
    assert.equal(code, 0)
    assert.match(out, /acas0001\n {2}memory_mib: 16384 → 32768\n/)
    assert.match(err, /nothing was changed/)
    assert.equal(await cli.ok('export'), before)
  })
})

describe('what a file leaves out', () => {
  test('a CSV file says nothing of columns that it does not have', async (t) => {
    const cli = await openFarm(t)
    await cli.ok('import', cli.write('vcpus.csv', 'hostname,vcpus\nacas0001,12\n'), '--table', 'machines')
    assert.match(await machineRows(cli.ok), /^acas0001,,,dom0,,,12,,16384,,local,sda,,\{\},$/m)
  })

  test('a YAML document says what a row is, but not what the next boot does unless it says so', async (t) => {
    const cli = await openFarm(t)
    await cli.ok('machine', 'hold', 'web')
    await cli.ok('import', cli.write('web.yaml', 'machines: { web: { profile: base } }'))
    assert.match(await machineRows(cli.ok), /^web,,,base,,,,,,,hold,,,\{\},$/m)
    await cli.ok('import', cli.write('web.yaml', 'machines: { web: { profile: base, boot: local } }'))
    assert.match(await machineRows(cli.ok), /^web,,,base,,,,,,,local,,,\{\},$/m)
  })

  test('rows that no file names stay', async (t) => {
    const cli = await openFarm(t)
    await cli.ok('import', cli.write('one.yaml', 'site: { language: en }'))
    assert.match(await cli.ok('machine', 'list'), /acas0003/)
  })

  test('a file arms nothing, and says so', async (t) => {
    const cli = await openFarm(t)
    const { err } = await cli.run([
      'import',
      cli.write('arm.yaml', 'machines: { web: { profile: base, boot: install } }'),
    ])
    assert.match(err, /boot is install for web, but a file arms no install/)
  })
})

describe('which table a CSV file is', () => {
  test('its columns tell, when its name does not', async (t) => {
    const cli = await openFarm(t)
    await cli.ok('import', cli.write('export-of-cmdb.csv', 'machine,name,vlan\nweb,eth0,12\n'))
    assert.match(
      await cli.ok('export', '--table', 'interfaces', '--format', 'csv'),
      /web,eth0,00:00:5e:00:53:02,192\.0\.2\.14,farm,,12,0/,
    )
  })

  test('columns of no table, or of more than one, need --table', async (t) => {
    const cli = await openFarm(t)
    const { code, err } = await cli.run(['import', cli.write('x.csv', 'name,arch\nel9,i386\n')])
    assert.equal(code, 2)
    assert.match(err, /fit images and profiles; say which it is with --table/)
  })

  test('standard input needs its format', async (t) => {
    const cli = await openFarm(t)
    const readStdin = () => Promise.resolve('site: { language: fr }')
    assert.equal((await cli.run(['import', '-'], { readStdin })).code, 2)
    assert.equal((await cli.run(['import', '-', '--format', 'yaml'], { readStdin })).code, 0)
    assert.match(await cli.ok('site', 'show', 'language'), /"fr"/)
  })
})

// `bootstead user`, `token` and `audit`.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Cli, Printed } from './cli.ts'
import { noon, openCli, openFarm } from './cli.ts'

const password = 'correct horse battery'
const piped = (text = password) => ({ readStdin: () => Promise.resolve(`${text}\n`) })
const add = (cli: Cli, name: string, role: string): Promise<Printed> =>
  cli.run(['user', 'add', name, '--role', role, '--password-stdin'], piped())

describe('users', () => {
  test('are added, listed, changed and removed; the audit trail says by whom, and never the password', async (t) => {
    const cli = openCli(t)
    assert.equal((await add(cli, 'Alice', 'admin')).out, 'added alice (admin)\n')
    assert.equal((await add(cli, 'bob', 'viewer')).code, 0)
    assert.match((await add(cli, 'bob', 'viewer')).err, /there is a user bob already/)
    await cli.ok('user', 'set', 'bob', '--role', 'operator', '--disable')
    assert.match(await cli.ok('user', 'list'), /^bob +operator +disabled +2096-11-23T12:00:00\.000Z/m)
    assert.deepEqual(
      ((await cli.json('user', 'list')) as readonly Readonly<{ name: string }>[]).map((user) =>
        Object.keys(user).join(),
      ),
      ['name,role,disabled,createdAt,changedAt', 'name,role,disabled,createdAt,changedAt'],
    )
    await cli.ok('user', 'rm', 'bob')
    const audit = await cli.ok('audit')
    assert.match(audit, /cli:operator +- +user removed +bob/)
    assert.ok(!audit.includes(password) && !audit.includes('scrypt'))
  })

  test('the password is asked for twice where there is a terminal, and where there is none the way is named', async (t) => {
    const cli = openCli(t)
    const answers = [password, password, password, 'another']
    const asked: string[] = []
    const askSecret = (question: string): Promise<string> => (
      asked.push(question),
      Promise.resolve(answers.shift() ?? '')
    )
    assert.equal((await cli.run(['user', 'add', 'alice', '--role', 'admin'], { askSecret })).code, 0)
    assert.deepEqual(asked, ['Password: ', 'The same again: '])
    assert.match(
      (await cli.run(['user', 'passwd', 'alice'], { askSecret })).err,
      /the two passwords differ; nothing was changed/,
    )
    assert.match((await cli.run(['user', 'passwd', 'alice'])).err, /there is no terminal .* give --password-stdin/)
    assert.equal((await cli.run(['user', 'passwd', 'alice', '--password-stdin'], piped('another good one'))).code, 0)
  })

  test('what can’t be is refused: a weak password, a name with a slash, a role that is none, nobody, the last administrator', async (t) => {
    const cli = openCli(t)
    const weak = await cli.run(['user', 'add', 'alice', '--role', 'admin', '--password-stdin'], piped('alice'))
    assert.deepEqual([weak.code, /at least 12 characters/.test(weak.err)], [1, true])
    assert.match((await add(cli, 'a/b', 'admin')).err, /a user's name is a letter, then/)
    assert.equal((await add(cli, 'alice', 'root')).code, 2)
    assert.equal((await add(cli, 'alice', 'admin')).code, 0)
    for (const words of [
      ['rm', 'alice'],
      ['set', 'alice', '--disable'],
      ['set', 'alice', '--role', 'viewer'],
    ])
      assert.match((await cli.run(['user', ...words])).err, /alice is the only administrator who may log in/)
    assert.match((await cli.run(['user', 'rm', 'bob'])).err, /there is no user bob; bootstead user list/)
    assert.equal((await cli.run(['user', 'set', 'alice'])).code, 2)
  })
})

describe('user invite', () => {
  test('prints a link at the address of the administration side, for the first administrator while there are no users', async (t) => {
    const cli = openCli(t)
    assert.match(
      await cli.ok('user', 'invite', '--first'),
      /^http:\/\/127\.0\.0\.1:8081\/invitation\?token=[\w-]{43}\n$/,
    )
    assert.match(
      await cli.ok(
        'user',
        'invite',
        '--first',
        '--admin-listen',
        '::1',
        '--admin-port',
        '443',
        '--admin-tls-cert',
        'c',
        '--admin-tls-key',
        'k',
      ),
      /^https:\/\/\[::1\]\/invitation/,
    )
    await add(cli, 'alice', 'admin')
    assert.match((await cli.run(['user', 'invite', '--first'])).err, /there are users already/)
    assert.match(await cli.ok('user', 'invite', '--role', 'viewer'), /token=/)
    assert.match(await cli.ok('user', 'invite', '--reset', 'alice', '--hours', '2'), /token=/)
    assert.match((await cli.run(['user', 'invite', '--reset', 'bob'])).err, /there is no user bob/)
    for (const words of [[], ['--first', '--reset', 'alice'], ['--role', 'admin', '--hours', '0']])
      assert.equal((await cli.run(['user', 'invite', ...words])).code, 2, words.join(' '))
  })
})

describe('tokens', () => {
  test('are shown once, listed without what they are, and removed', async (t) => {
    const cli = openCli(t)
    await add(cli, 'alice', 'operator')
    const token = (
      await cli.ok('token', 'add', 'nightly', '--user', 'alice', '--role', 'viewer', '--days', '30')
    ).trim()
    assert.match(token, /^bootstead_[\w-]{43}$/)
    const list = await cli.ok('token', 'list', '--json')
    assert.ok(!list.includes(token))
    assert.deepEqual(JSON.parse(list), [
      {
        user: 'alice',
        name: 'nightly',
        role: 'viewer',
        createdAt: '2096-11-23T12:00:00.000Z',
        expiresAt: new Date(noon + 30 * 24 * 3600_000).toISOString(),
        usedAt: null,
      },
    ])
    assert.match(await cli.ok('token', 'list', '--user', 'alice'), /^alice\/nightly +viewer +2096-12-23/m)
    assert.match(
      (await cli.run(['token', 'add', 'x', '--user', 'alice', '--role', 'admin'])).err,
      /the role of alice is operator/,
    )
    assert.match(
      (await cli.run(['token', 'add', 'x', '--user', 'alice', '--role', 'viewer', '--days', '999'])).err,
      /1 to 366 days/,
    )
    await cli.ok('token', 'rm', 'alice/nightly')
    assert.match((await cli.run(['token', 'rm', 'alice/nightly'])).err, /there is no token nightly of alice/)
    assert.equal((await cli.run(['token', 'rm', 'nightly'])).code, 2)
  })
})

test('neither export nor log knows anything of users and tokens', async (t) => {
  const cli = await openFarm(t)
  await add(cli, 'zebulon', 'operator')
  await cli.ok('token', 'add', 'nightly', '--user', 'zebulon', '--role', 'viewer')
  for (const words of [['export'], ['log', '--json']])
    assert.doesNotMatch(await cli.ok(...words), /zebulon|nightly|scrypt/)
})

// Passwords: what one must be, and that its hash keeps it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cost, hashPassword, isOutdated, isPassword, passwordFault } from '../../../server/admin/passwords.ts'

const cheap = { ln: 4, r: 8, p: 1 }

test('OWASP Password Storage: scrypt with N=2^15, r=8, p=3, a salt of 128 bits of its own', async () => {
  const [one, other] = [await hashPassword('correct horse battery'), await hashPassword('correct horse battery')]
  assert.match(one, /^\$scrypt\$ln=15,r=8,p=3\$[\w-]{22}\$[\w-]{43}$/)
  assert.notEqual(one, other)
  assert.ok(await isPassword('correct horse battery', one))
  assert.ok(!(await isPassword('correct horse batterY', one)))
  assert.ok(!isOutdated(one))
})

test('a hash keeps the cost that it was made with; less than today’s is outdated', async () => {
  const old = await hashPassword('correct horse battery', cheap)
  assert.ok(await isPassword('correct horse battery', old))
  assert.ok(isOutdated(old))
  assert.ok(isOutdated(await hashPassword('x', { ...cost, p: 1, ln: 4 })))
})

test('nobody’s password is never right', async () => {
  for (const guess of ['', 'x', 'null']) assert.ok(!(await isPassword(guess, null)))
})

test('NIST SP 800-63B §3.1.1.2: the same letters typed in another way are the same password', async () => {
  const hash = await hashPassword('caf\u00e9 au lait, \u212b', cheap)
  assert.ok(await isPassword('cafe\u0301 au lait, \u00c5', hash))
})

test('a stored hash that is none of ours is our failure, and no wrong password', async () => {
  for (const hash of ['', 'x', '$2b$12$abcdefghijklmnopqrstuv', '$scrypt$ln=99,r=8,p=3$$'])
    await assert.rejects(isPassword('x', hash), /password hash is not of the form/)
})

test('a hash whose cost is beyond reason is refused before it takes the memory', async () => {
  await assert.rejects(
    isPassword('x', `$scrypt$ln=30,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`),
    /memory limit exceeded/i,
  )
})

test('a new password has 12 to 200 characters, some of them different, and not its user’s name', () => {
  assert.equal(passwordFault('a few easy words', 'alice'), null)
  assert.equal(passwordFault('пароль из слов', 'alice'), null)
  assert.match(passwordFault('short', 'alice') ?? '', /at least 12/)
  assert.match(passwordFault('x'.repeat(201), 'alice') ?? '', /at most 200/)
  assert.match(passwordFault('aaaaaaaaaaaaaaaa', 'bob') ?? '', /5 different/)
  assert.match(passwordFault('my name is ALICE', 'alice') ?? '', /user's name/)
})

// Users, tokens, links and sessions over both databases, where two processes may do the same thing at once.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import {
  changeUser,
  findLink,
  followLink,
  listTokens,
  listUsers,
  makeLink,
  removeUser,
} from '../../server/admin/accounts.ts'
import { hashSecret } from '../../server/admin/secrets.ts'
import { renderYamlDocument } from '../../server/inventory/document.ts'
import { readHeldToken, recordApiToken } from '../../server/inventory/store/api-tokens.ts'
import { readAudit } from '../../server/inventory/store/audit.ts'
import { examineStore } from '../../server/inventory/store/doctor.ts'
import { migrateStore } from '../../server/inventory/store/migrations.ts'
import type { Store } from '../../server/inventory/store/open.ts'
import { closeStore, openStore } from '../../server/inventory/store/open.ts'
import { readChanges, readRevision, readSnapshot } from '../../server/inventory/store/read.ts'
import { readStoredSession, recordSession } from '../../server/inventory/store/sessions.ts'
import { recordUser } from '../../server/inventory/store/users.ts'
import { databases, flavours } from '../databases.ts'

const { address } = databases()

const now = Date.parse('2026-11-23T12:00:00.000Z')
const at = '2026-11-23T12:00:00.000Z'
const later = '2026-11-23T18:00:00.000Z'
const by = { who: 'cli:root', at, peer: null }
const password = 'correct horse battery'

for (const flavour of flavours)
  describe(`accounts on ${flavour}`, () => {
    /**
     * Two ways into one database, for the users ann and ben, who are administrators. SQLite blocks a process that waits for
     * another's lock, so there both are one: in one process there is one connection.
     */
    const opened = async (t: TestContext): Promise<readonly [Store, Store]> => {
      const at = await address(t, flavour)
      const store = openStore(at)
      const stores = [store, flavour === 'SQLite' ? store : openStore(at)] as const
      t.after(() => Promise.all([...new Set(stores)].map(closeStore)))
      await migrateStore(stores[0])
      for (const user of ['ann', 'ben'])
        await recordUser(stores[0], { name: user, password: 'HASH', role: 'admin' }, by)
      return stores
    }

    test('of two administrators who remove each other at once one stays', async (t) => {
      const [one, other] = await opened(t)
      const outcomes = await Promise.allSettled([
        removeUser(one, 'ann', by),
        changeUser(other, 'ben', { role: 'viewer' }, by),
      ])
      const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []))
      assert.equal(refused.length, 1, String(refused))
      assert.match(refused[0] ?? '', /is the only administrator who may log in/)
      assert.equal((await listUsers(one)).filter(({ role }) => role === 'admin').length, 1)
    })

    test('a link that two follow at once lets one in', async (t) => {
      const [one, other] = await opened(t)
      const secret = (await makeLink(one, { kind: 'new', role: 'viewer' }, 1, by)) ?? ''
      const follow = async (store: Store, name: string): Promise<boolean> => {
        const link = await findLink(store, secret, now)
        return link !== null && (await followLink(store, link, { name, password }, by))
      }
      const came = await Promise.all([follow(one, 'carol'), follow(other, 'dave')])
      assert.deepEqual(came.toSorted(), [false, true])
      assert.equal((await listUsers(one)).length, 3)
      assert.equal(await findLink(one, secret, now), null)
    })

    test('a user goes with sessions, tokens and links', async (t) => {
      const [store] = await opened(t)
      const token = { user: 'ben', name: 'nightly', role: 'viewer', hash: hashSecret('t'), expiresAt: later }
      assert.equal(await recordApiToken(store, token, by), 'done')
      assert.equal(await recordApiToken(store, token, by), 'taken')
      assert.equal(await recordApiToken(store, { ...token, user: 'nobody' }, by), 'unknown')
      await recordSession(
        store,
        { hash: 'S', user: 'ben', created_at: at, seen_at: at, expires_at: later },
        at.replace('12:', '11:'),
      )
      const link = (await makeLink(store, { kind: 'reset', user: 'ben' }, 1, by)) ?? ''
      assert.equal((await readStoredSession(store, 'S'))?.role, 'admin')
      assert.equal((await readHeldToken(store, hashSecret('t'), at))?.userRole, 'admin')
      assert.notEqual(await findLink(store, link, now), null)
      await removeUser(store, 'ben', by)
      assert.equal(await readStoredSession(store, 'S'), null)
      assert.equal(await readHeldToken(store, hashSecret('t'), at), null)
      assert.equal(await findLink(store, link, now), null)
      assert.deepEqual(await listTokens(store), [])
    })

    test('a token is good until it expires, and not a moment longer', async (t) => {
      const [store] = await opened(t)
      await recordApiToken(
        store,
        { user: 'ann', name: 'n', role: 'viewer', hash: hashSecret('t'), expiresAt: later },
        by,
      )
      assert.notEqual(await readHeldToken(store, hashSecret('t'), '2026-11-23T17:59:59.999Z'), null)
      assert.equal(await readHeldToken(store, hashSecret('t'), later), null)
    })

    test('a new session takes those along that have ended', async (t) => {
      const [store] = await opened(t)
      const session = (hash: string, seen: string, expires: string) =>
        recordSession(
          store,
          { hash, user: 'ann', created_at: seen, seen_at: seen, expires_at: expires },
          '2026-11-23T11:00:00.000Z',
        )
      await session('expired', '2026-11-23T11:30:00.000Z', '2026-11-23T11:59:00.000Z')
      await session('idle', '2026-11-23T10:59:00.000Z', later)
      await session('alive', '2026-11-23T11:59:00.000Z', later)
      await session('new', at, later)
      const left = await store.db.selectFrom('sessions').select('hash').orderBy('hash').execute()
      assert.deepEqual(
        left.map(({ hash }) => hash),
        ['alive', 'new'],
      )
    })

    test('none of it is in the inventory: not its revision, its history, its export, nor what follows it', async (t) => {
      const [store] = await opened(t)
      await recordApiToken(
        store,
        { user: 'ann', name: 'n', role: 'viewer', hash: hashSecret('t'), expiresAt: later },
        by,
      )
      await changeUser(store, 'ben', { disabled: true }, by)
      assert.equal(await readRevision(store), 0)
      assert.deepEqual(await readChanges(store, { limit: 10 }), [])
      assert.doesNotMatch(renderYamlDocument(await readSnapshot(store)), /ann|HASH/)
      assert.deepEqual(
        (await examineStore(store)).filter(({ severity }) => severity === 'mend'),
        [],
      )
    })

    test('the audit trail says who did what, newest first, without secrets', async (t) => {
      const [store] = await opened(t)
      await changeUser(store, 'ben', { role: 'operator', disabled: true }, { ...by, who: 'web:ann', peer: '192.0.2.7' })
      const [newest, ...older] = await readAudit(store, { limit: 10 })
      const { id: _, ...line } = newest ?? { id: 0 }
      assert.deepEqual(line, {
        at,
        who: 'web:ann',
        action: 'user changed',
        about: 'ben',
        detail: 'operator, disabled',
        peer: '192.0.2.7',
      })
      assert.equal(older.length, 2)
      assert.deepEqual(await readAudit(store, { limit: 10, before: newest?.id ?? 0 }), older)
      assert.ok(!JSON.stringify([newest, ...older]).includes('HASH'))
    })
  })

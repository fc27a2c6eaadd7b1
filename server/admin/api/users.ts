// Users, their API tokens, and what was done to either.
import { z } from 'zod'
import { readAudit } from '../../inventory/store/audit.ts'
import type { Store } from '../../inventory/store/open.ts'
import {
  addToken,
  addUser,
  changePassword,
  changeUser,
  findUser,
  listTokens,
  listUsers,
  mostTokenDays,
  normalName,
  removeToken,
  removeUser,
} from '../accounts.ts'
import { HttpRefusal } from '../refusal.ts'
import { lowerRole, mayAs, roles } from '../roles.ts'
import type { Visit } from '../route.ts'
import type { Endpoint } from './endpoint.ts'
import { endpoint } from './endpoint.ts'
import { audited, token, user } from './schemas.ts'

const role = z.enum(roles)
const params = { name: 'the user' }
const done = { 204: { what: 'done', schema: null } } as const
const userAnswer = { 200: { what: 'the user', schema: user } } as const

export const userEndpoints = (): readonly Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/users',
    role: 'admin',
    tag: 'users',
    summary: 'list users',
    answers: { 200: { what: 'all of them', schema: z.object({ items: z.array(user) }) } },
    example: {},
    handle: async ({ desk }) => ({ body: { items: await listUsers(desk.store) } }),
  }),
  endpoint({
    method: 'post',
    path: '/users',
    role: 'admin',
    only: 'session',
    tag: 'users',
    summary: 'add a user',
    body: z.strictObject({ name: z.string(), role, password: z.string() }),
    answers: { 201: { what: 'the user', schema: user } },
    example: { body: { name: 'bob', role: 'viewer', password: 'correct horse battery staple' } },
    handle: async ({ desk, body, visit }) => {
      const name = normalName(body.name)
      await addUser(desk.store, { ...body, name }, visit.by)
      return { status: 201, body: await foundUser(desk.store, name) }
    },
  }),
  endpoint({
    method: 'patch',
    path: '/users/{name}',
    role: 'admin',
    only: 'session',
    tag: 'users',
    summary: "change a user's role or password, or shut them out",
    params,
    body: z.strictObject({ role: role.optional(), disabled: z.boolean().optional(), password: z.string().optional() }),
    answers: userAnswer,
    example: { params: { name: 'viewer' }, body: { disabled: true } },
    handle: async ({ desk, params: { name = '' }, body, visit }) => {
      await foundUser(desk.store, name)
      if (body.password !== undefined) await changePassword(desk.store, name, body.password, visit.by)
      const { role: asked, disabled } = body
      const change = {
        ...(asked === undefined ? {} : { role: asked }),
        ...(disabled === undefined ? {} : { disabled }),
      }
      if (Object.keys(change).length > 0) await changeUser(desk.store, name, change, visit.by)
      return { body: await foundUser(desk.store, name) }
    },
  }),
  endpoint({
    method: 'delete',
    path: '/users/{name}',
    role: 'admin',
    tag: 'users',
    summary: 'remove a user, with sessions and tokens',
    params,
    answers: done,
    example: { params: { name: 'viewer' } },
    handle: async ({ desk, params: { name = '' }, visit }) => {
      await foundUser(desk.store, name)
      await removeUser(desk.store, name, visit.by)
      return { status: 204 }
    },
  }),
  endpoint({
    method: 'get',
    path: '/tokens',
    role: 'viewer',
    tag: 'tokens',
    summary: "one's own API tokens; an administrator's list has everybody's",
    answers: { 200: { what: 'the tokens, without their secrets', schema: z.object({ items: z.array(token) }) } },
    example: {},
    handle: async ({ desk, visit: { actor } }) => ({
      body: { items: await listTokens(desk.store, mayAs(actor.role, 'admin') ? undefined : actor.name) },
    }),
  }),
  endpoint({
    method: 'post',
    path: '/tokens',
    role: 'viewer',
    only: 'session',
    tag: 'tokens',
    summary: 'make an API token of one’s own; the answer is the only place where it is shown',
    body: z.strictObject({
      name: z.string(),
      role: role.describe("what it may, at most one's own role"),
      days: z.number().int().min(1).max(mostTokenDays).default(90).describe('how long it lives'),
    }),
    answers: { 201: { what: 'the token', schema: z.object({ name: z.string(), token: z.string() }) } },
    example: { body: { name: 'nightly', role: 'viewer', days: 30 } },
    handle: async ({ desk, body, visit: { actor, by } }) => {
      const made = { ...body, user: actor.name, role: lowerRole(body.role, actor.role) }
      return { status: 201, body: { name: body.name, token: await addToken(desk.store, made, by) } }
    },
  }),
  endpoint({
    method: 'delete',
    path: '/tokens/{user}/{name}',
    role: 'viewer',
    tag: 'tokens',
    summary: 'remove an API token of one’s own; an administrator removes anybody’s',
    params: { user: 'whose it is', name: 'its name' },
    answers: done,
    example: { params: { user: 'viewer', name: 'theirs' } },
    handle: async ({ desk, params: { user: owner = '', name = '' }, visit }) => {
      if (!isOwn(visit, owner))
        throw new HttpRefusal(403, `the tokens of ${owner} are theirs; this takes the role admin`)
      if (!(await listTokens(desk.store, owner)).some((one) => one.name === name))
        throw new HttpRefusal(404, `there is no token ${name} of ${owner}`)
      await removeToken(desk.store, owner, name, visit.by)
      return { status: 204 }
    },
  }),
  endpoint({
    method: 'get',
    path: '/audit',
    role: 'admin',
    tag: 'users',
    summary: 'who logged in, or tried to, and what was done to users and tokens, newest first',
    query: z.object({
      limit: z.coerce.number().int().min(1).max(1000).default(100),
      before: z.coerce.number().int().optional().describe('only numbers below this one: the next page'),
    }),
    answers: { 200: { what: 'the trail', schema: z.object({ items: z.array(audited) }) } },
    example: { query: { limit: '10' } },
    handle: async ({ desk, query: { limit, before } }) => ({
      body: { items: await readAudit(desk.store, before === undefined ? { limit } : { limit, before }) },
    }),
  }),
]

const isOwn = ({ actor }: Visit, owner: string): boolean => actor.name === owner || mayAs(actor.role, 'admin')

async function foundUser(store: Store, name: string) {
  const found = await findUser(store, name)
  if (found === null) throw new HttpRefusal(404, `there is no user ${name}; bootstead user list shows those there are`)
  return found
}

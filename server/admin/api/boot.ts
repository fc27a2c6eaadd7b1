// What machines do at their next network boot: an install, once; the disk, a rescue system, a memory test, or nothing.
import { z } from 'zod'
import { bootActions } from '../../inventory/rows.ts'
import type { Expected } from '../../inventory/store/versions.ts'
import { armNamed } from '../../manage/arming.ts'
import type { Refusal } from '../../manage/arming.ts'
import { setBootOf } from '../../manage/boot-actions.ts'
import { problemWith } from '../../manage/failure.ts'
import { foldNames } from '../../manage/names.ts'
import { HttpRefusal } from '../refusal.ts'
import type { Answer, Api, Call, Endpoint } from './endpoint.ts'
import { endpoint, versionExpected } from './endpoint.ts'
import { idempotencyKey, once } from './once.ts'
import { armed } from './schemas.ts'

const tag = 'boot'
const select = z.array(z.string()).min(1).describe('names, ranges, patterns, filters')

const armOptions = z.strictObject({
  guests: z
    .enum(['new', 'all', 'none'])
    .default('new')
    .describe('of Dom0s: their guests too, none of them, or new ones of a Dom0 that is new'),
  hours: z.number().positive().max(8760).optional().describe('how long the install may wait for its machine'),
  dryRun: z.boolean().default(false).describe('check everything, name the disks, and arm nothing'),
})
type ArmOptions = Readonly<z.output<typeof armOptions>>

const others = bootActions.filter((action) => action !== 'install')
const bootAction = z.enum(others).describe('local is the disk; it takes an install back that was armed and not begun')
const boot = z.object({ boot: z.enum(bootActions), machines: z.array(z.string()) })

const armAnswers = {
  200: { what: 'what is erased, and until when the installs wait for their machines', schema: armed },
} as const
const bootAnswers = {
  200: { what: 'what the machines do next; nobody, when filters leave nobody', schema: boot },
} as const
const params = { name: 'its host name' }
const ifMatch = { 'If-Match': 'the ETag of what was decided on; when it is another by now, nothing is done' }

export const bootEndpoints = (api: Api): readonly Endpoint[] => [
  endpoint({
    method: 'post',
    path: '/machines/{name}/arm',
    role: 'operator',
    tag,
    summary: 'arm a machine: its next network boot installs it, once; its disk is erased',
    params,
    headers: { ...idempotencyKey, ...ifMatch },
    body: armOptions,
    answers: armAnswers,
    example: { params: { name: 'web' }, headers: { 'Idempotency-Key': '5d1a4c0e' }, body: { hours: 2 } },
    handle: (call) => once(call, () => arm(api, call, [call.params['name'] ?? ''], call.body)),
  }),
  endpoint({
    method: 'post',
    path: '/arm',
    role: 'operator',
    tag,
    summary: 'arm machines for one install each, all or none; their disks are erased',
    headers: idempotencyKey,
    body: z.strictObject({ select, ...armOptions.shape }),
    answers: armAnswers,
    example: { body: { select: ['acas0001'], guests: 'all', dryRun: true } },
    handle: (call) => once(call, () => arm(api, call, call.body.select, call.body)),
  }),
  endpoint({
    method: 'post',
    path: '/machines/{name}/boot',
    role: 'operator',
    tag,
    summary: 'disarm a machine, or have it boot something else next',
    params,
    headers: ifMatch,
    body: z.strictObject({ boot: bootAction }),
    answers: bootAnswers,
    example: { params: { name: 'web' }, body: { boot: 'rescue' } },
    handle: (call) => setBoot(api, call, [call.params['name'] ?? ''], call.body.boot),
  }),
  endpoint({
    method: 'post',
    path: '/boot',
    role: 'operator',
    tag,
    summary: 'disarm machines, or have them boot something else next',
    body: z.strictObject({ select, boot: bootAction }),
    answers: bootAnswers,
    example: { body: { select: ['acas*'], boot: 'hold' } },
    handle: (call) => setBoot(api, call, call.body.select, call.body.boot),
  }),
]

type Asked = Pick<Call<unknown, unknown>, 'desk' | 'visit' | 'params'>

async function arm(api: Api, call: Asked, words: readonly string[], options: ArmOptions): Promise<Answer> {
  const { guests, hours = null, dryRun } = options
  const armOptions = { guests, hours, dryRun, expected: expectedOf(call) }
  const told = await armNamed(call.desk, await api.current(), words, armOptions)
  if (told.kind === 'refused') throw refusal(told.refused, told.along)
  const { kind: _, ...body } = told
  return { body }
}

/** By it a program tells this refusal from others. */
export const notArmedType = 'urn:bootstead:not-armed'

function refusal(refused: readonly Refusal[], along: readonly string[]): HttpRefusal {
  const names = foldNames(refused.map(({ hostname }) => hostname))
  return new HttpRefusal(422, `nothing was armed, because of ${names}`, {
    type: notArmedType,
    problems: refused.map(({ hostname, why }) => problemWith(hostname, why)),
    more: { along },
  })
}

async function setBoot(
  api: Api,
  call: Asked,
  words: readonly string[],
  action: (typeof others)[number],
): Promise<Answer> {
  const machines = await setBootOf(call.desk, await api.current(), words, action, expectedOf(call))
  return { body: { boot: action, machines } }
}

function expectedOf({ visit, params: { name } }: Asked): readonly Expected[] {
  const version = name === undefined ? null : versionExpected(visit.request)
  return name === undefined || version === null ? [] : [{ table: 'machines', key: name.toLowerCase(), version }]
}

// Files for other daemons of the server's host: looked at, generated, and brought back.
import { z } from 'zod'
import type { Desk } from '../../manage/desk.ts'
import { pictureOf } from '../../manage/desk.ts'
import { Refused } from '../../manage/failure.ts'
import { attempt, describeFailure, outcomeToSend } from '../../manage/outcomes.ts'
import type { ChosenTarget } from '../../manage/targets.ts'
import { generateOne, lookAt, pastOf, rollBackOne } from '../../manage/targets.ts'
import type { TargetName } from '../../render/targets.ts'
import { listGenerations } from '../../serve/disk/rollback.ts'
import { diskTarget } from '../../serve/generate.ts'
import { HttpRefusal } from '../refusal.ts'
import { flag } from './apply.ts'
import type { Answer, Api, Endpoint } from './endpoint.ts'
import { endpoint } from './endpoint.ts'
import { target, targetOutcome } from './schemas.ts'

const tag = 'targets'
const params = { target: 'isc, kea, dnsmasq or tftpboot, as far as the server is configured for it' }
const adopt = z
  .array(z.string())
  .default([])
  .describe('files in conflict that may be replaced whoever wrote them, as the look names them')
const publishing = {
  adopt,
  check: z.boolean().default(true).describe("false leaves out the daemon's own checker"),
  reload: z.boolean().default(true).describe('false tells no daemon'),
}
const answers = {
  200: { what: 'what became of it; `kind` is published, unchanged, refused, failed, …', schema: targetOutcome },
}

export const targetEndpoints = (api: Api): readonly Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/targets',
    role: 'viewer',
    tag,
    summary: 'what is generated on this host, where, and the generations that can be brought back',
    answers: { 200: { what: 'the targets', schema: z.object({ items: z.array(target) }) } },
    example: {},
    handle: async ({ desk }) => {
      const items = []
      for (const [name, place] of desk.targets)
        items.push({
          ...{ target: name, folder: place.folder, check: place.check, main: place.main },
          generations: await listGenerations(diskTarget(name, place)),
        })
      return { body: { items } }
    },
  }),
  endpoint({
    method: 'get',
    path: '/targets/{target}/check',
    role: 'operator',
    tag,
    summary: 'what generating would change; nothing is written',
    params,
    query: z.object({ diff: flag.describe('true: also in which lines') }),
    answers,
    example: { params: { target: 'tftpboot' }, query: { diff: 'true' } },
    handle: async ({ desk, params, query }) =>
      attempted(chosen(desk, params['target']), async (one) => {
        const snapshot = await api.snapshot()
        return lookAt(one, await pictureOf(desk, snapshot), optionsOf(desk, snapshot, []), query.diff)
      }),
  }),
  endpoint({
    method: 'post',
    path: '/targets/{target}/generate',
    role: 'operator',
    tag,
    summary: 'write the files, after their checker has agreed, and have the daemon read them',
    params,
    body: z.strictObject(publishing),
    answers,
    example: { params: { target: 'tftpboot' }, body: {} },
    handle: async ({ desk, params, body }) =>
      attempted(checkedAs(chosen(desk, params['target']), body.check), async (one) => {
        const snapshot = await api.current()
        const options = { ...optionsOf(desk, snapshot, body.adopt), isTold: body.reload }
        return generateOne(one, await pictureOf(desk, snapshot), options)
      }),
  }),
  endpoint({
    method: 'post',
    path: '/targets/{target}/rollback',
    role: 'operator',
    tag,
    summary: 'bring back an earlier generation; the inventory stays as it is',
    params,
    body: z.strictObject({ to: z.number().int().positive().optional().describe('else the one before'), ...publishing }),
    answers,
    handle: async ({ desk, params, body }) => {
      const one = checkedAs(chosen(desk, params['target']), body.check)
      const options = { now: new Date(desk.now()), isTold: body.reload, adopt: new Set(body.adopt) }
      const outcome = await rollBackOne(one, body.to ?? null, options).catch((error: unknown) => {
        throw new Refused(`${one.target}: ${describeFailure(error)}`, { cause: error })
      })
      return { body: outcomeToSend(outcome) }
    },
  }),
]

const checkedAs = ({ target: name, place }: ChosenTarget, isChecked: boolean): ChosenTarget => ({
  target: name,
  place: { ...place, check: place.check && isChecked },
})

function chosen({ targets }: Desk, name: string | undefined): ChosenTarget {
  const place = targets.get(name as TargetName)
  if (place !== undefined) return { target: name as TargetName, place }
  const there =
    targets.size === 0 ? 'none are; name them in bootstead.yaml' : `those that are: ${[...targets.keys()].join(', ')}`
  throw new HttpRefusal(404, `${name ?? ''} is no target that this server is configured for; ${there}`)
}

const optionsOf = (desk: Desk, snapshot: Parameters<typeof pastOf>[1], adopted: readonly string[]) => ({
  past: pastOf(desk.store, snapshot),
  verify: true,
  isTold: true,
  adopt: new Set(adopted),
})

type Work = (one: ChosenTarget) => ReturnType<Parameters<typeof attempt>[1]>

async function attempted(one: ChosenTarget, work: Work): Promise<Answer> {
  return { body: outcomeToSend(await attempt(one, () => work(one))) }
}

// What a machine would be answered, and the texts it would get.
import { z } from 'zod'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { withoutTokenSecrets } from '../../inventory/store/history.ts'
import { listArtefacts, showArtefact, whyServedNothing } from '../../manage/artefacts.ts'
import type { Desk } from '../../manage/desk.ts'
import { explain } from '../../manage/explain.ts'
import { revisionHelp } from '../../manage/revisions.ts'
import { hidden, isSecretName, textWithoutSecrets } from '../../inventory/secrets.ts'
import { chosenName } from '../../manage/selection.ts'
import { platforms } from '../../plan/dhcp/clients.ts'
import type { ExplainedValue, Explanation } from '../../render/explain.ts'
import { explainStages } from '../../render/explain.ts'
import { mayAs } from '../roles.ts'
import type { Visit } from '../route.ts'
import type { Api, Endpoint } from './endpoint.ts'
import { endpoint } from './endpoint.ts'
import { artefacts, explanation, shownArtefact } from './schemas.ts'

const tag = 'plans'
const params = { name: 'its host name' }

export const planEndpoints = (api: Api): readonly Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/machines/{name}/explain',
    role: 'viewer',
    tag,
    summary: 'what a machine would be answered on each door, and where every value comes from; nothing is opened',
    params: { name: 'its host name, or a MAC, of the inventory or not' },
    query: z.object({
      arch: z.enum(platforms).default('bios').describe('the firmware that asks'),
      stage: z
        .enum(explainStages)
        .default('firmware')
        .describe('who asks: the firmware, iPXE, GRUB, or UEFI HTTP boot'),
      at: z.string().min(1).optional().describe(`as it was at ${revisionHelp}`),
    }),
    answers: { 200: { what: 'the answers, in the order in which the machine asks', schema: explanation } },
    example: { params: { name: 'web' }, query: { arch: 'uefi-x64' } },
    handle: async ({ desk, params: { name = '' }, query: { arch, stage, at = null }, visit }) => {
      return { body: await explainTo(visit, desk, await api.snapshot(), name, { arch, stage, at }) }
    },
  }),
  endpoint({
    method: 'get',
    path: '/machines/{name}/artefacts',
    role: 'viewer',
    tag,
    summary: 'the texts that a machine and its guests are served, or would be if they were armed',
    params,
    answers: {
      200: {
        what: 'their names and paths; `nothing`: why it is served nothing now, or null',
        schema: artefacts,
      },
    },
    example: { params: { name: 'acas0001' } },
    handle: async ({ desk, params: { name = '' } }) => {
      const snapshot = await api.snapshot()
      const hostname = chosenName(snapshot, name)
      const nothing = whyServedNothing(desk, snapshot, hostname)
      return { body: { hostname, items: listArtefacts(desk, snapshot, hostname), nothing } }
    },
  }),
  endpoint({
    method: 'get',
    path: '/machines/{name}/artefact',
    role: 'operator',
    tag,
    summary:
      'one of these texts as it is served; of a machine that is not armed a preview, with a token that opens nothing',
    description: 'Install files hold password hashes, and menus of armed machines their token.',
    params,
    query: z.object({ name: z.string().min(1).describe('of the list: pxelinux, kickstart, xen/GUEST, …; or a path') }),
    answers: { 200: { what: 'the text', schema: shownArtefact } },
    example: { params: { name: 'web' }, query: { name: 'kickstart' } },
    handle: async ({ desk, params: { name = '' }, query }) => {
      const snapshot = await api.snapshot()
      const hostname = chosenName(snapshot, name)
      return { body: { hostname, ...showArtefact(desk, snapshot, hostname, query.name) } }
    },
  }),
]

/** What a viewer is not to know is not in it. @throws as explain() does */
export async function explainTo(
  visit: Visit,
  desk: Desk,
  snapshot: Snapshot,
  target: string,
  options: Parameters<typeof explain>[3],
): Promise<Explanation> {
  const found = await explain(desk, seenBy(visit, snapshot), target, options)
  return maySeeTexts(visit) ? found : withoutTexts(found)
}

const maySeeTexts = ({ actor }: Visit): boolean => mayAs(actor.role, 'operator')

const seenBy = (visit: Visit, snapshot: Snapshot): Snapshot =>
  maySeeTexts(visit) ? snapshot : withoutTokenSecrets(snapshot)

/** Values come from params of any name, so secrets among them are hidden; whole texts are not shown at all. */
function withoutTexts(found: Explanation): Explanation {
  const shown = (values: readonly ExplainedValue[]): readonly ExplainedValue[] =>
    values.map((one) => ({ ...one, value: isSecretName(one.name) ? hidden : textWithoutSecrets(one.value) }))
  return {
    ...found,
    settings: shown(found.settings),
    answers: found.answers.map((answer) => ({ ...answer, values: shown(answer.values), text: null })),
  }
}

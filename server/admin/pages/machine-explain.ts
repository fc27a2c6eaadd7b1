// What a machine will be told at its next network boot, by whichever firmware asks: each answer, its values, and from where.
import { describeOrigin } from '../../manage/machine.ts'
import { Refused } from '../../manage/failure.ts'
import type { Platform } from '../../plan/dhcp/clients.ts'
import type { ExplainedAnswer, ExplainedValue, Explanation, ExplainStage } from '../../render/explain.ts'
import { TemplateError } from '../../render/templates.ts'
import { explainTo } from '../api/plans.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import { highlight } from '../highlight.ts'
import type { Route, Visit } from '../route.ts'
import { queryOf } from '../route.ts'
import { hrefOfMachine, machineAsked, machineHead } from './machine-head.ts'

export const machineExplainRoutes = (admin: Admin): readonly Route[] => [
  { method: 'get', path: '/machines/:name/explain', role: 'viewer', handle: (visit) => showExplain(admin, visit) },
]

type Asker = Readonly<{ as: string; label: string; arch: Platform; stage: ExplainStage }>

/** Who asks, in the order of the page. */
const askers: readonly Asker[] = [
  { as: 'bios', label: 'BIOS', arch: 'bios', stage: 'firmware' },
  { as: 'uefi', label: 'UEFI x64', arch: 'uefi-x64', stage: 'firmware' },
  { as: 'http', label: 'UEFI HTTP boot', arch: 'uefi-x64', stage: 'http' },
  { as: 'ipxe', label: 'iPXE', arch: 'uefi-x64', stage: 'ipxe' },
  { as: 'ipxe-bios', label: 'iPXE on BIOS', arch: 'bios', stage: 'ipxe' },
  { as: 'arm64', label: 'UEFI arm64', arch: 'uefi-arm64', stage: 'firmware' },
]

async function showExplain(admin: Admin, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const snapshot = await apiOf(admin).snapshot()
  const name = machineAsked(snapshot, visit)
  const asker = askers.find(({ as }) => as === queryOf(visit.request, 'as')) ?? askers[0]
  const { arch, stage } = asker ?? { arch: 'bios', stage: 'firmware' }
  const found = await explainTo(visit, desk, snapshot, name, { arch, stage, at: null }).catch(whyNot)
  visit.page('machine-explain.html', {
    head: await machineHead(desk, snapshot, visit, name, 'explain'),
    askers: askers.map(({ as, label }) => ({
      href: `${hrefOfMachine(name)}/explain?as=${as}`,
      label,
      isHere: as === asker?.as,
    })),
    fault: typeof found === 'string' ? found : '',
    plan: typeof found === 'string' ? null : { kind: found.plan, why: found.why },
    answers: typeof found === 'string' ? [] : found.answers.map(shownAnswer),
    settings: typeof found === 'string' ? [] : found.settings.map(shownValue),
  })
}

/** A machine that nothing can ask for, or whose template is broken: told on the page. */
function whyNot(error: unknown): Explanation | string {
  if (error instanceof Refused || error instanceof TemplateError) return error.message
  throw error
}

const doors = { dhcp: 'DHCP', dhcp6: 'DHCPv6', tftp: 'TFTP', http: 'HTTP' } as const

const shownAnswer = ({ door, asks, answer, values, text }: ExplainedAnswer) => ({
  door: doors[door],
  asks,
  answer,
  isSilence: answer.startsWith('silence') || answer.startsWith('refused'),
  values: values.map(shownValue),
  html: text === null ? '' : highlight(asks, text),
})

const shownValue = ({ name, value, origin }: ExplainedValue) => ({ name, value, from: describeOrigin(origin) })

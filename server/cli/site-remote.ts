// The site whose server is asked: each verb a request, whose answer is what the verb gives on the database.
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { notArmedType } from '../admin/api/boot.ts'
import { wouldWithholdType, changed } from '../admin/api/apply.ts'
import { exported, imported } from '../admin/api/documents.ts'
import { reverted, differences } from '../admin/api/history.ts'
import { consoles, states, timeline, watched } from '../admin/api/progress.ts'
import { mostFindings } from '../admin/api/reports.ts'
import {
  armed,
  artefacts,
  explanation,
  finding,
  historyChange,
  machineLine,
  overview,
  shownArtefact,
} from '../admin/api/schemas.ts'
import type { Finding } from '../inventory/findings.ts'
import type { AnyRow } from '../inventory/rows.ts'
import type { ArmingTold, Refusal } from '../manage/arming.ts'
import type { Decision } from '../manage/changed.ts'
import type { ToldChange } from '../manage/history.ts'
import { foldNames } from '../manage/names.ts'
import type { MachineLine } from '../manage/machine-lines.ts'
import type { Watched } from '../manage/watched.ts'
import type { BootState } from '../plan/states.ts'
import type { SeenClient } from '../serve/dhcp/seen-file.ts'
import { seenClient } from '../serve/dhcp/seen-file.ts'
import type { Listed } from './api-answer.ts'
import { ApiRefusal, listed, shaped } from './api-answer.ts'
import type { ApiClient } from './api-client.ts'
import { followEvents } from './api-events.ts'
import { fail } from './failure.ts'
import type { Io } from './io.ts'
import { newestFirst } from './newest-first.ts'
import { peopleRemote } from './people-remote.ts'
import type { ShownConsole, Site } from './site.ts'
import { targetsRemote } from './targets-remote.ts'

/** The schemas of the tables read what is typed, and these rows have been read. */
const shownRow = z.looseObject({ name: z.string(), etag: z.string() })

const rowPage = z.object({ items: z.array(shownRow), next: z.string().nullable(), unreadable: z.array(z.string()) })
const foundPage = z.object({ items: z.array(finding), more: z.boolean() })
const seenPage = z.object({ items: z.array(seenClient), listed: z.boolean() })

/** The words of a shell, one each; a lone one would be taken apart at its spaces. */
const select = (words: readonly string[]) => (words.length === 0 ? {} : { select: ['', ...words] })

export function siteRemote(api: ApiClient, io: Io): Site {
  const { ask } = api
  const at = (name: string): string => `/machines/${encodeURIComponent(name)}`
  return {
    machines: async (words) =>
      (await ask('GET', '/overview', listed<MachineLine>(machineLine), { query: select(words) })).items,
    machine: (name) => ask('GET', `${at(name)}/overview`, shaped(overview)),
    explain: (target, { at: revision, ...query }) =>
      ask('GET', `${at(target)}/explain`, shaped(explanation), {
        query: { ...query, ...(revision === null ? {} : { at: revision }) },
      }),
    artefacts: (name) => ask('GET', `${at(name)}/artefacts`, shaped(artefacts)),
    artefact: (name, wanted) => ask('GET', `${at(name)}/artefact`, shaped(shownArtefact), { query: { name: wanted } }),
    findings: async (words) => {
      const shape = shaped<Listed<Finding> & Readonly<{ more: boolean }>>(foundPage)
      const query = { ...select(words), limit: String(mostFindings) }
      const { items: found, more } = await ask('GET', '/findings', shape, { query })
      return more ? fail(`there are more than ${mostFindings} findings; name some machines`) : found
    },
    rows: async (table) => {
      const shape = shaped<RowPage>(rowPage)
      const rows: AnyRow[] = []
      let page: RowPage = { items: [], next: '', unreadable: [] }
      while (page.next !== null) {
        const query = { limit: '1000', ...(page.next === '' ? {} : { after: page.next }) }
        page = await ask('GET', `/${table}`, shape, { query })
        rows.push(...page.items.map(withoutEtag))
      }
      return { rows, unreadable: page.unreadable }
    },
    row: async (table, name) => {
      const path = `/${table}/${encodeURIComponent(name)}`
      const shape = shaped<AnyRow & { machines: readonly string[] }>(shownRow.extend({ machines: z.array(z.string()) }))
      const { machines, ...row } = await ask('GET', path, shape, { query: { machines: 'true' } })
      return { row: withoutEtag(row), machines }
    },
    seen: async () => {
      const shape = shaped<Listed<SeenClient> & Readonly<{ listed: boolean }>>(seenPage)
      const found = await ask('GET', '/seen', shape)
      return found.listed ? found.items : null
    },
    log: ({ limit, machine }) =>
      newestFirst(
        limit,
        ({ revision }: ToldChange) => revision,
        async (page) => {
          const query = { ...page, ...(machine === null ? {} : { machine }) }
          return (await ask('GET', '/changes', listed<ToldChange>(historyChange), { query })).items
        },
      ),
    diff: (before, after) => ask('GET', '/diff', shaped(differences), { query: { before, after } }),
    export: ({ format, table }) =>
      ask('GET', '/export', shaped(exported), { query: { format, ...(table === null ? {} : { table }) } }),

    timeline: (hostname, { limit, eventsOnly }) =>
      ask('GET', `${at(hostname)}/timeline`, shaped(timeline), {
        query: { limit: String(limit), eventsOnly: String(eventsOnly) },
      }),
    follow: (names, had, stop) => followEvents(api, io, names, had, stop),
    watch: async (words) => {
      const { items: machines } = await ask('GET', '/watched', shaped<Listed<Watched>>(watched), {
        query: select(words),
      })
      const names = machines.map(({ hostname }) => hostname)
      return {
        machines,
        look: async () => {
          const found = new Map<string, BootState>()
          for (const some of partsOf(names)) {
            const shape = shaped<{ items: Readonly<Record<string, BootState>> }>(states)
            const { items: told } = await ask('GET', '/states', shape, { query: { names: some } })
            for (const [name, state] of Object.entries(told)) found.set(name, state)
          }
          return found
        },
      }
    },
    consoles: async (names) => {
      const found = new Map<string, ShownConsole>()
      for (const some of partsOf(names)) {
        const shape = shaped<Listed<ShownConsole>>(consoles)
        const { items: told } = await ask('GET', '/consoles', shape, { query: { names: some } })
        for (const one of told) found.set(one.machine, one)
      }
      return found
    },

    change: (edits, options) =>
      decided(ask('POST', '/changes', shaped(changed), { body: { edits, ...options, served: false } })),
    revert: (to, options) =>
      decided(
        ask('POST', '/revert', shaped(reverted), { query: asQuery({ ...options, served: false }), body: { to } }),
      ),
    import: (documents, options) =>
      decided(ask('POST', '/import', shaped(imported), { body: { documents, ...options } })),
    arm: async (words, { hours, ...options }) => {
      const body = { select: words, ...options, ...(hours === null ? {} : { hours }) }
      // Sent again after a lost answer it arms once.
      const headers = { 'Idempotency-Key': randomUUID() }
      try {
        const shape = shaped<Omit<Extract<ArmingTold, { kind: 'armed' }>, 'kind'>>(armed)
        return { kind: 'armed', ...(await ask('POST', '/arm', shape, { body, headers, isSafe: true })) }
      } catch (error) {
        return notArmed(error)
      }
    },
    setBoot: async (words, boot) => {
      const shape = shaped<{ machines: readonly string[] }>(z.object({ machines: z.array(z.string()) }))
      return (await ask('POST', '/boot', shape, { body: { select: words, boot } })).machines
    },

    targets: targetsRemote(api),
    people: peopleRemote(api),
  }
}

type RowPage = Listed<AnyRow> & Readonly<{ next: string | null; unreadable: readonly string[] }>

/** The API's own column; the others are the row's. */
function withoutEtag(given: AnyRow): AnyRow {
  const { etag: _, ...row } = given as AnyRow & { etag?: string }
  return row
}

const asQuery = (options: object): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [name, String(value)]))

/** Names in few words, so many at a time as a server answers at once, and the first line of a request holds. */
function partsOf(names: readonly string[]): readonly string[] {
  const half = Math.ceil(names.length / 2)
  const inHalves = (): readonly string[] => [...partsOf(names.slice(0, half)), ...partsOf(names.slice(half))]
  if (names.length > namesPerRequest) return inHalves()
  const words = foldNames(names).replaceAll(', ', ' ')
  if (names.length > 1 && encodeURIComponent(words).length > mostOctets) return inHalves()
  return words === '' ? [] : [words]
}

const namesPerRequest = 500
/** Servers take 16 KiB of request line and headers, proxies sometimes 8. */
const mostOctets = 6000

/** What force overcomes is a value; every other refusal goes on. */
async function decided<Told>(asked: Promise<Told>): Promise<Decision<Told>> {
  try {
    return { kind: 'told', told: await asked }
  } catch (error) {
    if (!(error instanceof ApiRefusal) || error.type !== wouldWithholdType) throw error
    const withheld = error.problems.map(
      ({ machine, why, ...rest }) =>
        ({ machine: machine ?? '', severity: 'withheld', ...rest, message: why }) as Finding,
    )
    return { kind: 'refused', withheld }
  }
}

function notArmed(error: unknown): ArmingTold {
  if (!(error instanceof ApiRefusal) || error.type !== notArmedType) throw error
  const refused = error.problems.map(({ machine, why }): Refusal => ({ hostname: machine ?? '', why }))
  return { kind: 'refused', refused, along: (error.more['along'] ?? []) as readonly string[] }
}

// What requests and answers are made of: the inventory's own schemas, and what is told beside the rows.
import { z } from 'zod'
import { tables } from '../../inventory/rows.ts'
import type { TableName } from '../../inventory/rows.ts'
import { stages } from '../../plan/states.ts'
import { explainStages } from '../../render/explain.ts'
import { platforms } from '../../plan/dhcp/clients.ts'
import { seenClient } from '../../serve/dhcp/seen-file.ts'
import type { PlainTable } from '../../manage/stored-rows.ts'
import { roles } from '../roles.ts'

export const anything = z.json()
const rowObject = z.record(z.string(), anything)

const columnsOf = (table: TableName): Readonly<Record<string, z.ZodType>> => tables[table].schema.shape

/** Without their defaults, of columns that are not said: a patch changes what it names. */
const patchShape = (table: TableName): Readonly<Record<string, z.ZodType>> =>
  Object.fromEntries(
    Object.entries(columnsOf(table))
      .filter(([column]) => !tables[table].key.some((key) => key === column))
      .map(([column, schema]) => [
        column,
        (schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : schema).optional(),
      ]),
  )

/** Not `version`: a profile has one of its own. */
const etag = z.string().describe('the ETag, without its quotes')
const { machine: _, name: __, ...nicShape } = tables.interfaces.schema.shape

const machineInterface = z.object(nicShape)
export const machine = z.object({
  ...tables.machines.schema.shape,
  interfaces: z.record(z.string(), machineInterface).describe('by name'),
  etag,
})
const interfacePatch = z.strictObject(patchShape('interfaces'))
export const machinePatch = z
  .strictObject({
    ...patchShape('machines'),
    params: z.record(z.string(), anything).optional().describe('by name; null takes one away'),
    interfaces: z.record(z.string(), interfacePatch.nullable()).optional().describe('by name; null removes one'),
  })
  .describe('a JSON merge patch (RFC 7396): what is not named stays, null clears')
export const machineToPut = z.strictObject({
  ...machinePatch.shape,
  profile: columnsOf('machines')['profile'] ?? anything,
})
export const newMachine = z.strictObject({
  hostname: z.string().describe('a name, or a range such as db[01-04]'),
  ...machinePatch.shape,
})

export const rowSchemas = {
  networks: z.object({ ...tables.networks.schema.shape, etag }),
  profiles: z.object({ ...tables.profiles.schema.shape, etag }),
  images: z.object({ ...tables.images.schema.shape, etag }),
  site: z.object({ ...tables.site.schema.shape, etag }),
} as const
export const plainTables = Object.keys(rowSchemas) as readonly PlainTable[]

/** `params` of a profile are merged like a machine's. */
const paramsPatch = { params: z.record(z.string(), anything).optional().describe('by name; null takes one away') }
export const rowPatches = {
  networks: z.strictObject(patchShape('networks')),
  profiles: z.strictObject({ ...patchShape('profiles'), ...paramsPatch }),
  images: z.strictObject(patchShape('images')),
  site: z.strictObject({ value: anything }),
} as const

export const bootState = z.object({
  state: z.enum([...stages, 'stalled', 'unknown']),
  stage: z.enum([...stages, 'unknown']),
  phase: z.enum(['none', 'on', 'done', 'lost']),
  progress: z.number().nullable().describe('per cent'),
  since: z.string().nullable(),
  lastSeen: z.string().nullable(),
  detail: z.string().nullable(),
})
export const machineLine = z.object({
  hostname: z.string(),
  ...{ profile: z.string().nullable(), boot: z.string().nullable() },
  withheld: z.boolean(),
  state: z.string().nullable().describe('how far its install is; null: it was never armed'),
  ...{ ip: z.string().nullable(), ip6: z.string().nullable() },
  mac: z.string().nullable(),
  dom0: z.string().nullable(),
})
export const listedMachine = z.object({ ...machine.shape, withheld: z.boolean(), state: bootState })

export const finding = z.object({
  machine: z.string(),
  severity: z.enum(['withheld', 'warning']),
  table: z.string(),
  key: z.string(),
  field: z.string(),
  value: anything,
  message: z.string().describe('what is wrong and the way out'),
})
export const event = z.object({
  id: z.number(),
  machine: z.string(),
  at: z.string(),
  stage: z.string(),
  detail: z.string().nullable(),
  progress: z.number().nullable(),
  door: z.string(),
  peer: z.string().nullable(),
})
const shownRow = rowObject.nullable().describe('columns as they are stored, without secrets')
export const rowDiff = z.object({ table: z.string(), key: z.string(), before: shownRow, after: shownRow })
const fieldChange = z
  .tuple([z.string(), z.string(), z.string()])
  .describe('field, before, after; a secret is (secret), and one that is not given (none)')
export const changeStory = z.object({
  names: z.array(z.string()),
  folded: z.string().describe('the names in few words: acas[0001-0040]'),
  changes: z.array(
    z.object({
      part: z.string().describe('interface.NAME, or empty for the row itself'),
      kind: z.enum(['added', 'changed', 'removed']),
      fields: z.array(fieldChange),
    }),
  ),
})
export const historyChange = z.object({
  ...{ revision: z.number(), at: z.string(), who: z.string() },
  ...rowDiff.shape,
  fields: z.array(fieldChange),
})
export const way = z.object({
  machines: z.array(z.string()),
  changes: z.array(z.object({ path: z.string(), hunks: z.array(z.array(z.string())) })),
})
export const overview = z.looseObject({
  hostname: z.string(),
  machine: rowObject.nullable(),
  guests: z.array(z.string()),
  interfaces: z.array(rowObject),
  settings: z.record(z.string(), z.object({ value: anything.optional(), from: z.string() })),
  findings: z.array(finding),
  plan: z.object({ kind: z.string(), why: z.string() }),
  state: bootState,
  events: z.array(event),
  console: z.object({ at: z.string(), tail: z.string().nullable() }).nullable(),
})
const explainedValue = z.object({
  name: z.string(),
  value: z.string(),
  origin: z.object({ layer: z.string(), row: z.string(), column: z.string() }),
})
export const explanation = z.object({
  machine: z.string().nullable(),
  arch: z.enum(platforms),
  stage: z.enum(explainStages),
  plan: z.string(),
  why: z.string(),
  findings: z.array(finding),
  answers: z.array(
    z.object({
      door: z.enum(['dhcp', 'tftp', 'http']),
      asks: z.string(),
      answer: z.string(),
      values: z.array(explainedValue),
      text: z.string().nullable().describe('null for a viewer'),
    }),
  ),
  settings: z.array(explainedValue),
})
export const artefact = z.object({
  name: z.string(),
  path: z.string(),
  doors: z.array(z.string()),
  access: z.string(),
  served: z.boolean().describe('false: only when the machine, or its guest, is armed'),
})
export const artefacts = z.object({ hostname: z.string(), items: z.array(artefact), nothing: z.string().nullable() })
export const shownArtefact = z.object({ hostname: z.string(), ...artefact.shape, text: z.string() })
export const arming = z.object({
  hostname: z.string(),
  profile: z.string(),
  release: z.string(),
  image: z.string(),
  disk: z.string().describe('what is erased, as the machine itself calls it'),
  dom0: z.string().nullable(),
  vdisk: z.string().nullable().describe("the Dom0's devices behind a guest's disks"),
})
export const armed = z.object({
  dryRun: z.boolean(),
  expiresAt: z.string(),
  armed: z.array(arming),
  along: z.array(z.string()).describe('guests that nobody named, of a new Dom0'),
  left: z.array(z.string()).describe('guests of these Dom0s that stay as they are'),
})
export const generation = z.looseObject({ id: z.number(), at: z.string(), written: z.number(), removed: z.number() })
export const target = z.object({
  ...{ target: z.string(), folder: z.string() },
  check: z.boolean().describe("whether the daemon's own checker decides before anything is published"),
  main: z.string().nullable().describe("the daemon's own main file, if one is named"),
  generations: z.array(generation),
})
export const targetOutcome = z.looseObject({ target: z.string(), folder: z.string(), kind: z.string() })
const door = z.object({
  door: z.enum(['dhcp', 'dhcp6', 'tftp', 'http', 'admin']),
  at: z.string().nullable().describe('address and port; null when it is closed'),
  note: z.string().describe('why it is closed, or how it is open'),
})
const server = z.object({
  name: z.string(),
  folder: z.string().describe('its state folder'),
  version: z.string(),
  addresses: z.array(z.string()),
  doors: z.array(door),
  revision: z.number().describe('of the inventory that it serves'),
  status: z.string(),
  isThis: z.boolean(),
  silentMs: z.number().describe('how long nothing was heard of it'),
  isStale: z.boolean().describe('it has missed three of its signs, one of which comes every ten seconds'),
})
export const health = z.looseObject({
  status: z.enum(['ok', 'degraded']),
  revision: z.number(),
  machines: z.number(),
  servers: z.array(server).optional().describe('servers that work on this inventory, this one first'),
})
export const user = z.object({
  name: z.string(),
  role: z.enum(roles),
  disabled: z.boolean(),
  createdAt: z.string(),
  changedAt: z.string(),
})
export const console = z.object({ machine: z.string(), at: z.string(), tail: z.string() })
export const token = z.object({
  user: z.string(),
  name: z.string(),
  role: z.enum(roles),
  createdAt: z.string(),
  expiresAt: z.string(),
  usedAt: z.string().nullable(),
})
export const audited = z.object({
  id: z.number(),
  at: z.string(),
  who: z.string(),
  action: z.string(),
  about: z.string(),
  detail: z.string(),
  peer: z.string().nullable(),
})

export const problem = z.object({
  machine: z.string().nullable(),
  table: z.string().nullable(),
  key: z.string().nullable(),
  field: z.string().nullable(),
  value: anything.optional(),
  why: z.string().describe('what is wrong and the way out'),
})
export const problemDetails = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  errors: z.array(problem).optional(),
})

/** A part of a list, and where the next one begins. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    total: z.number().describe('how many there are in all'),
    next: z.string().nullable().describe('give it as `after` for what follows; null: that was all'),
  })

/** Those that the document names. */
export const components: ReadonlyMap<z.ZodType, string> = new Map<z.ZodType, string>([
  [machine, 'Machine'],
  [listedMachine, 'ListedMachine'],
  [machineLine, 'MachineLine'],
  [machinePatch, 'MachinePatch'],
  [machineInterface, 'Interface'],
  [interfacePatch, 'InterfacePatch'],
  [rowSchemas.networks, 'Network'],
  [rowSchemas.profiles, 'Profile'],
  [rowSchemas.images, 'Image'],
  [rowSchemas.site, 'SiteValue'],
  [bootState, 'BootState'],
  [finding, 'Finding'],
  [event, 'Event'],
  [rowDiff, 'RowDiff'],
  [historyChange, 'Change'],
  [changeStory, 'ChangeStory'],
  [way, 'Way'],
  [overview, 'MachineOverview'],
  [explanation, 'Explanation'],
  [artefact, 'Artefact'],
  [armed, 'Armed'],
  [arming, 'Arming'],
  [seenClient, 'SeenClient'],
  [target, 'Target'],
  [targetOutcome, 'TargetOutcome'],
  [health, 'Health'],
  [user, 'User'],
  [token, 'ApiToken'],
  [audited, 'Audited'],
  [problem, 'Problem'],
  [problemDetails, 'ProblemDetails'],
])

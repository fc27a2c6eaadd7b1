// Schemas as they are documented: what a column takes, not how it is read.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { inlineSchema, jsonSchemaOf } from '../../../server/admin/api/json-schema.ts'
import { assignmentsOf } from '../../../server/manage/patches.ts'
import { machinePatch } from '../../../server/admin/api/schemas.ts'
import { tables } from '../../../server/inventory/rows.ts'

const none: ReadonlyMap<z.ZodType, string> = new Map()
type Properties = Readonly<Record<string, Readonly<Record<string, unknown>>>>
const propertiesOf = (schema: object): Properties => (schema as Readonly<{ properties: Properties }>).properties

test('text with a type of its own is text, and a number that may come as digits a number', () => {
  const { vcpus, vdisk, boot } = propertiesOf(inlineSchema(tables.machines.schema, 'output', none))
  assert.deepEqual(vdisk?.['type'], ['string', 'null'])
  assert.deepEqual(vcpus?.['anyOf'], [{ type: 'integer', minimum: 1, maximum: 4096 }, { type: 'null' }])
  assert.match(JSON.stringify(boot), /"rescue"/)
})

test('no column of any table is documented as anything at all, but those that are', () => {
  for (const { schema } of Object.values(tables))
    for (const io of ['input', 'output'] as const)
      for (const [column, one] of Object.entries(propertiesOf(inlineSchema(schema, io, none))))
        assert.ok(
          Object.keys(one).some((key) => key !== 'default'),
          `${column} (${io}): ${JSON.stringify(one)}`,
        )
})

test('a schema with a name is referred to, also within others', () => {
  const inner = z.object({ a: z.string() })
  const names = new Map<z.ZodType, string>([[inner, 'Inner']])
  assert.deepEqual(jsonSchemaOf(inner, 'output', names), { $ref: '#/components/schemas/Inner' })
  const { list } = propertiesOf(inlineSchema(z.object({ list: z.array(inner) }), 'output', names))
  assert.deepEqual(list?.['items'], { $ref: '#/components/schemas/Inner' })
})

test('a patch that names nothing changes nothing: no column has its default put in', () => {
  assert.deepEqual(machinePatch.parse({}), {})
  assert.deepEqual(assignmentsOf(machinePatch.parse({})), [])
})

// Schemas of zod as JSON Schema 2020-12, which is what OpenAPI 3.1 speaks.
import { z } from 'zod'

export type JsonSchema = Readonly<Record<string, unknown>>
/** `input`: what is taken; `output`: what is answered. */
type Direction = 'input' | 'output'

/** @param components schemas that have a name, and are referred to by it */
export function jsonSchemaOf(schema: z.ZodType, io: Direction, components: ReadonlyMap<z.ZodType, string>): JsonSchema {
  const name = components.get(schema)
  return name === undefined ? inlineSchema(schema, io, components) : reference(name)
}

const reference = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` })

export function inlineSchema(schema: z.ZodType, io: Direction, components: ReadonlyMap<z.ZodType, string>): JsonSchema {
  const {
    $schema: _,
    $defs: __,
    ...rest
  } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    target: 'draft-2020-12',
    override: ({ zodSchema, jsonSchema }) => {
      const node = zodSchema as unknown as z.ZodType
      const instead = node === schema ? null : substitute(node, io, components)
      if (instead === null) return
      const { default: byDefault, description } = jsonSchema
      for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key)
      Object.assign(
        jsonSchema,
        instead,
        byDefault === undefined ? {} : { default: byDefault },
        description === undefined ? {} : { description },
      )
    },
  }) as Record<string, unknown>
  return withJson(rest) as JsonSchema
}

function substitute(node: z.ZodType, io: Direction, components: ReadonlyMap<z.ZodType, string>): JsonSchema | null {
  const name = components.get(node)
  if (name !== undefined) return reference(name)
  const plain = plainly(node)
  return plain === node ? null : inlineSchema(plain, io, components)
}

/** Of what is read and then made into something else, the side that JSON Schema has words for. */
function plainly(node: z.ZodType): z.ZodType {
  if (!(node instanceof z.ZodPipe)) return node
  const [from, to] = [node.def.in as z.ZodType, node.def.out as z.ZodType]
  if (to instanceof z.ZodTransform) return plainly(from) // text with a type of its own
  return from instanceof z.ZodTransform ? plainly(to) : node // z.preprocess
}

/** The one schema here that contains itself is any JSON. */
function withJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withJson)
  if (value === null || typeof value !== 'object') return value
  const { $ref } = value as Readonly<Record<string, unknown>>
  if (typeof $ref === 'string' && $ref.startsWith('#/$defs/')) return { description: 'any JSON' }
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (key === 'readOnly' ? [] : [[key, withJson(inner)]])),
  )
}

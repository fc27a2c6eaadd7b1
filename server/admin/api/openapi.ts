// The API's description, OpenAPI 3.1, made of what parses requests.
import { z } from 'zod'
import { programVersion } from '../../serve/program.ts'
import type { Endpoint } from './endpoint.ts'
import { apiRoot } from './endpoint.ts'
import type { JsonSchema } from './json-schema.ts'
import { inlineSchema, jsonSchemaOf } from './json-schema.ts'
import { components, problemDetails } from './schemas.ts'

const introduction = `Everything the command line does to the inventory, over HTTP. Log in with an API token
(\`bootstead token add\`): \`Authorization: Bearer TOKEN\`. Errors are problem details (RFC 9457), whose \`errors\` name
the machine, the field, the value, and why with the way out. A viewer sees no secret and no install file.
What lets others in (users, passwords, links, tokens) is made by people who have logged in, not by tokens.`

type Content = Readonly<Record<string, Readonly<{ schema: object; example?: unknown }>>>

export type Operation = Readonly<{
  operationId: string
  tags: readonly string[]
  summary: string
  description: string
  parameters: readonly Readonly<{
    name: string
    in: 'path' | 'query' | 'header'
    required: boolean
    description: string
    schema: object
    example?: string
  }>[]
  requestBody?: Readonly<{ required: boolean; content: Content }>
  responses: Readonly<Record<string, Readonly<{ description: string; content?: Content }>>>
}>

export type OpenApiDocument = Readonly<{
  openapi: string
  info: object
  servers: readonly object[]
  security: readonly object[]
  tags: readonly Readonly<{ name: string }>[]
  paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  components: Readonly<{ securitySchemes: object; schemas: Readonly<Record<string, object>> }>
}>

export function openApiDocument(endpoints: readonly Endpoint[]): OpenApiDocument {
  const paths: Record<string, Record<string, Operation>> = {}
  for (const one of endpoints) (paths[`${apiRoot}${one.path}`] ??= {})[one.method] = operationOf(one)
  return {
    openapi: '3.1.0',
    info: { title: 'Bootstead', version: programVersion(), description: introduction },
    servers: [{ url: '/' }],
    security: [{ token: [] }, { session: [] }],
    tags: [...new Set(endpoints.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'header', name: 'X-CSRF-Token', description: "the pages' own requests" },
      },
      schemas: Object.fromEntries(
        [...components].map(([schema, name]) => [name, inlineSchema(schema, 'output', components)]),
      ),
    },
  }
}

function operationOf(one: Endpoint): Operation {
  const { method, path, tag, summary, description, role, only, body, example, answers } = one
  const refusals = Object.fromEntries(
    refusalsOf(one).map(([status, what]) => [
      status,
      {
        description: what,
        content: { 'application/problem+json': { schema: jsonSchemaOf(problemDetails, 'output', components) } },
      },
    ]),
  )
  return {
    operationId: `${method}${path.replaceAll(/[^A-Za-z0-9]+(\w)?/g, (_, letter: string | undefined) => (letter ?? '').toUpperCase())}`,
    tags: [tag],
    summary,
    description: `${description === undefined ? '' : `${description} `}Takes the role ${role}${only === undefined ? '' : ', and somebody who has logged in: an API token gets 403'}.`,
    ...(only === undefined ? {} : { security: [{ session: [] }] }),
    parameters: parametersOf(one),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: jsonSchemaOf(body, 'input', components),
                ...(example?.body === undefined ? {} : { example: example.body }),
              },
            },
          },
        }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { what, schema, type = 'application/json' }]) => [
          status,
          {
            description: what,
            ...(schema === null
              ? type === 'application/json'
                ? {}
                : { content: { [type]: { schema: { type: 'string' } } } }
              : { content: { [type]: { schema: jsonSchemaOf(schema, 'output', components) } } }),
          },
        ]),
      ),
      ...refusals,
    },
  }
}

function refusalsOf({ method, params, query, body, headers = {} }: Endpoint): readonly (readonly [number, string])[] {
  const changes = method !== 'get'
  return [
    ...(query === undefined && body === undefined ? [] : [[400, 'a value that can not be understood'] as const]),
    [401, 'no token, or one that is not good'],
    [403, 'the role does not reach so far'],
    ...(params === undefined ? [] : [[404, 'there is none of that name'] as const]),
    ...(changes ? [[409, 'the row is of a view of the site, or another request is not done'] as const] : []),
    ...('If-Match' in headers ? [[412, 'somebody changed it since; says who, and when'] as const] : []),
    ...(changes ? [[422, 'refused: each row, value and reason, with the way out'] as const] : []),
    [503, 'the database is away'],
  ]
}

function parametersOf({ params = {}, query, headers = {}, example = {} }: Endpoint): Operation['parameters'] {
  const exampleOf = (values: Readonly<Record<string, string>> | undefined, name: string): object =>
    values?.[name] === undefined ? {} : { example: values[name] }
  const schema: JsonSchema = query === undefined ? {} : inlineSchema(query, 'input', components)
  return [
    ...Object.entries(params).map(([name, description]) => ({
      ...{ name, in: 'path' as const, required: true, description, schema: { type: 'string' } },
      ...exampleOf(example.params, name),
    })),
    ...Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>).map(([name, one]) => ({
      ...{ name, in: 'query' as const, required: ((schema['required'] ?? []) as readonly string[]).includes(name) },
      ...{ description: typeof one['description'] === 'string' ? one['description'] : '', schema: one },
      ...exampleOf(example.query, name),
    })),
    ...Object.entries(headers).map(([name, description]) => ({
      ...{ name, in: 'header' as const, required: false, description, schema: { type: 'string' } },
      ...exampleOf(example.headers, name),
    })),
  ]
}

export const openApiSchema = z.looseObject({ openapi: z.string() })

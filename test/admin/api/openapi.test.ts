// The document that the API serves of itself: valid, complete, and every example in it works and answers what it says.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { isApi } from '../../../server/admin/route.ts'
import type { Farm } from './farm.ts'
import { answered, openApiFarm } from './farm.ts'

type Parameter = Readonly<{ name: string; in: 'path' | 'query' | 'header'; required: boolean; example?: string }>
type Content = Readonly<Record<string, Readonly<{ schema: object; example?: object }>>>
type Operation = Readonly<{
  summary: string
  parameters: readonly Parameter[]
  requestBody?: Readonly<{ content: Content }>
  responses: Readonly<Record<string, Readonly<{ description: string; content?: Content }>>>
  /** Only where it is another than the document's. */
  security?: readonly Readonly<Record<string, readonly string[]>>[]
}>
type Document = Readonly<{ paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>; components: object }>
type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'

const documentOf = async (farm: Farm): Promise<Document> =>
  (await answered(farm.ask('get', '/openapi.json'))) as unknown as Document

test('OpenAPI 3.1: the document is valid', async (t) => {
  const document = await documentOf(await openApiFarm(t))
  const { valid, errors } = await new Validator().validate({ ...document })
  assert.deepEqual(errors ?? [], [])
  assert.equal(valid, true)
})

test('every route of the API is in the document, and nothing else', async (t) => {
  const farm = await openApiFarm(t)
  const document = await documentOf(farm)
  const routes = farm.site.routes
    .filter(({ path }) => isApi(path))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  const documented = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method} ${path}`),
  )
  assert.deepEqual(documented.toSorted(), routes.toSorted())
})

/** Those that need what no farm has at first. */
const withoutExample = new Set(['post /api/v1/targets/{target}/rollback'])

describe('every example of the document works, and its answer is as the document says', async () => {
  // The names are needed before any test runs; each test has a farm of its own.
  const { openApiDocument } = await import('../../../server/admin/api/openapi.ts')
  const { apiEndpoints } = await import('../../../server/admin/api/routes.ts')
  const { openEventStreams } = await import('../../../server/admin/api/event-streams.ts')
  const nobody = () => Promise.reject(new Error('nothing is asked here'))
  const api = {
    desk: () => {
      throw new Error('nothing is asked here')
    },
    snapshot: nobody,
    current: nobody,
    health: () => ({}),
  }
  const { paths } = openApiDocument(apiEndpoints(api, openEventStreams())) as Document
  for (const [path, operations] of Object.entries(paths))
    for (const method of Object.keys(operations) as Method[]) {
      if (withoutExample.has(`${method} ${path}`)) continue
      test(`${method.toUpperCase()} ${path}`, async (t) => {
        const farm = await openApiFarm(t)
        await farm.site.admin.store.db
          .insertInto('api_tokens')
          .values({
            user: 'viewer',
            name: 'theirs',
            hash: 'x',
            role: 'viewer',
            created_at: '2026',
            expires_at: '2999',
            used_at: null,
          })
          .execute()
        const document = await documentOf(farm)
        const operation = document.paths[path]?.[method]
        assert.ok(operation !== undefined)
        const given = await execute(farm, method, path, operation)
        const { status, text } = given
        const answer = operation.responses[String(status)]
        assert.ok(answer !== undefined && status < 300, `${status}: ${text}`)
        const schema = answer.content?.['application/json']?.schema
        if (schema === undefined) return assert.equal(text, '')
        assert.match(String(given.headers['content-type']), /^application\/json/)
        const ajv = new Ajv2020({ strict: false, allErrors: true })
        const validate = ajv.compile({ ...schema, components: document.components })
        assert.ok(validate(given.body), JSON.stringify(validate.errors, null, 1))
      })
    }
})

function execute(farm: Farm, method: Method, path: string, { parameters, requestBody, security }: Operation) {
  const given = (place: Parameter['in']) =>
    Object.fromEntries(
      parameters.flatMap((one) => (one.in === place && one.example !== undefined ? [[one.name, one.example]] : [])),
    )
  const names = given('path')
  const at = path
    .replace('/api/v1', '')
    .replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(names[name] ?? '?'))
  const body = requestBody?.content['application/json']?.example
  return farm.ask(method, at, {
    as: 'admin',
    ...(security?.every((scheme) => 'session' in scheme) === true ? ({ via: 'session' } as const) : {}),
    query: given('query'),
    headers: given('header'),
    ...(requestBody === undefined ? {} : { body: body ?? {} }),
  })
}

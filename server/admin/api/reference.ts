// The API's own description: the document, and a page to browse and try it.
import type { Route } from '../route.ts'
import type { Endpoint } from './endpoint.ts'
import { endpoint } from './endpoint.ts'
import type { OpenApiDocument, Operation } from './openapi.ts'
import { openApiDocument, openApiSchema } from './openapi.ts'

/** @param others all endpoints but the document's own. @returns the document's, and the page that shows it */
export function reference(others: readonly Endpoint[]): Readonly<{ one: Endpoint; page: Route }> {
  const made: { document: OpenApiDocument | null } = { document: null }
  const document = (): OpenApiDocument => (made.document ??= openApiDocument([...others, one]))
  const one: Endpoint = endpoint({
    method: 'get',
    path: '/openapi.json',
    role: 'viewer',
    tag: 'reference',
    summary: 'this document',
    answers: { 200: { what: 'OpenAPI 3.1', schema: openApiSchema } },
    example: {},
    handle: () => ({ body: document() }),
  })
  const page: Route = {
    method: 'get',
    path: '/reference',
    role: 'viewer',
    handle: (visit) => visit.page('reference.html', { groups: groupsOf(document()) }),
  }
  return { one, page }
}

/** As the page shows it: by tag, in the document's order. */
function groupsOf({ tags, paths, components }: OpenApiDocument) {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
  return tags.map(({ name }) => ({
    name,
    operations: operations
      .filter(({ operation }) => operation.tags.includes(name))
      .map(({ path, method, operation }) => shown(path, method, operation, components)),
  }))
}

function shown(path: string, method: string, operation: Operation, { schemas }: OpenApiDocument['components']) {
  const { operationId, summary, description, parameters, requestBody, responses } = operation
  const body = requestBody?.content['application/json']
  return {
    ...{ path, method, summary, description, id: operationId },
    parameters: parameters.map((one) => ({ ...one, example: one.example ?? '' })),
    body: body === undefined ? null : JSON.stringify(body.example ?? {}, null, 2),
    schema: body === undefined ? null : schemaText(body.schema, schemas),
    answers: Object.entries(responses).map(([status, answer]) => ({ status, what: answer.description })),
  }
}

/** With those that it refers to, one level deep: the document itself has them all. */
function schemaText(schema: object, schemas: Readonly<Record<string, object>>): string {
  const text = JSON.stringify(schema, null, 2)
  const names = new Set([...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name = '']) => name))
  return [text, ...[...names].map((name) => `${name}: ${JSON.stringify(schemas[name], null, 2)}`)].join('\n\n')
}

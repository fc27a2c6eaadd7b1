// The API's own description: the document, and a page to browse and try it.
import { openApiDocument, openApiSchema } from './openapi.ts'
import type { Endpoint } from './endpoint.ts'
import { endpoint } from './endpoint.ts'
import type { Route } from '../route.ts'

/** @param others all endpoints but the document's own */
export function referenceEndpoint(others: readonly Endpoint[]): Endpoint {
  const made: { document: object | null } = { document: null }
  const one: Endpoint = endpoint({
    method: 'get',
    path: '/openapi.json',
    role: 'viewer',
    tag: 'reference',
    summary: 'this document',
    answers: { 200: { what: 'OpenAPI 3.1', schema: openApiSchema } },
    example: {},
    handle: () => ({ body: (made.document ??= openApiDocument([...others, one])) }),
  })
  return one
}

/** Swagger UI draws its arrows as data: images; everything else is as strict as on other pages. */
const contentPolicy =
  "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

export const referencePage: Route = {
  method: 'get',
  path: '/reference',
  role: 'viewer',
  handle: ({ response, page }) => {
    response.set('Content-Security-Policy', contentPolicy)
    page('reference.html')
  },
}

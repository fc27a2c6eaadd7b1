// Swagger UI over our own document; what is tried out is sent like the pages' own requests.
'use strict'

window.addEventListener('load', () => {
  const headers = JSON.parse(document.body.getAttribute('hx-headers') ?? '{}')
  window.SwaggerUIBundle({
    url: '/api/v1/openapi.json',
    dom_id: '#reference',
    deepLinking: true,
    docExpansion: 'list',
    validatorUrl: null,
    requestInterceptor: (request) => ({ ...request, headers: { ...request.headers, ...headers } }),
  })
})

// Answers are compressed for whoever takes it: a page of a hundred machines has a tenth of its size then.
import compression from 'compression'
import type { RequestHandler } from 'express'

/** A stream of events says each thing when it happens; compressed it would wait for more to compress. */
export const compressed: RequestHandler = compression({
  filter: (request, response) =>
    response.getHeader('Content-Type') !== 'text/event-stream' && compression.filter(request, response),
})

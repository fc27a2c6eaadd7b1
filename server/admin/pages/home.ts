// Where one comes to after log-in.
import type { Route } from '../route.ts'

export const homeRoutes = (): readonly Route[] => [
  { method: 'get', path: '/', role: 'viewer', handle: ({ response }) => response.redirect(303, '/account') },
]

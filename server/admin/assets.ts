// Style sheets, scripts and images: read once, at addresses that change with what is in them.
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import type { Route } from './route.ts'
import { HttpRefusal } from './refusal.ts'

type Asset = Readonly<{ body: Buffer; type: string }>

export type Assets = Readonly<{
  /** `/assets/HASH/site.css`. @throws when there is none of that name */
  url: (name: string) => string
  routes: readonly Route[]
}>

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Files of npm packages, by the name that pages give them. */
const packaged: Readonly<Record<string, string>> = {
  'htmx.js': 'htmx.org/dist/htmx.min.js',
}

/** @param folder of our own files */
export function openAssets(folder: string): Assets {
  const require = createRequire(import.meta.url)
  const paths = [
    ...readdirSync(folder).map((name) => [name, join(folder, name)] as const),
    ...Object.entries(packaged).map(([name, path]) => [name, require.resolve(path)] as const),
  ]
  const assets = new Map<string, Asset>()
  const urls = new Map<string, string>()
  for (const [name, path] of paths) {
    const body = readFileSync(path)
    const type = types[extname(name)]
    if (type === undefined) throw new Error(`${path}: no type is known for ${extname(name)}`)
    const url = `/assets/${createHash('sha256').update(body).digest('hex').slice(0, 16)}/${name}`
    assets.set(url, { body, type })
    urls.set(name, url)
  }
  return {
    url: (name) => {
      const url = urls.get(name)
      if (url === undefined) throw new Error(`there is no asset ${name}`)
      return url
    },
    routes: [
      {
        method: 'get',
        path: '/assets/:hash/:name',
        role: 'public',
        handle: ({ request, response }) => {
          const asset = assets.get(request.path)
          if (asset === undefined) throw new HttpRefusal(404, 'there is no such file')
          response.set('Cache-Control', 'public, max-age=31536000, immutable').type(asset.type).send(asset.body)
        },
      },
    ],
  }
}

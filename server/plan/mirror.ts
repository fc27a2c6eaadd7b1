// A Debian mirror, in the parts in which choose-mirror of debian-installer asks for it.

export type Mirror = Readonly<{ protocol: 'http' | 'https'; host: string; directory: string }>

/** Debian's own, for an image whose row names no tree. */
const debian: Mirror = { protocol: 'http', host: 'deb.debian.org', directory: '/debian' }

/** The mirror that a tree lies on: the tree's URL up to `/dists/`. Null when it isn't on HTTP. */
export function mirrorOf(treeUrl: string): Mirror | null {
  if (treeUrl === '') return debian
  const [, protocol, host = '', path = ''] = /^(https?):\/\/([^/]+)(\/.*)?$/i.exec(treeUrl) ?? []
  if (protocol === undefined) return null
  const directory = path.replace(/\/dists(\/.*)?$/, '').replace(/\/+$/, '')
  return { protocol: protocol.toLowerCase() === 'https' ? 'https' : 'http', host, directory: directory || '/' }
}

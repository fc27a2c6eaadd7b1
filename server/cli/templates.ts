// The install templates there are: those that come with the program, and the site's own beside or in front of them.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import type { Known } from '../inventory/findings.ts'
import type { TemplateSources } from '../render/templates.ts'
import { packageRoot } from '../serve/program.ts'
import { UsageError } from './failure.ts'

/**
 * Template sources by path. The site's are under `site/`, so that each goes in front of ours of the same name; its
 * folders `profile/NAME/` and `machine/NAME/` keep their names.
 * @throws UsageError when the site's folder does not exist
 */
export function loadTemplates(siteFolder: string | null): TemplateSources {
  const sources = new Map<string, string>()
  addFolder(sources, join(packageRoot(), 'kickstart-templates'), (path) => path)
  addFolder(sources, join(packageRoot(), 'pxe'), (path) => `pxe/${path}`)
  if (siteFolder === null) return sources
  if (!existsSync(siteFolder))
    throw new UsageError(`templates: there is no folder ${siteFolder}; make it or name one that exists`)
  addFolder(sources, siteFolder, (path) => (/^(profile|machine|site)\//.test(path) ? path : `site/${path}`))
  return sources
}

function addFolder(sources: Map<string, string>, root: string, keyOf: (path: string) => string): void {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = relative(root, join(entry.parentPath, entry.name)).replaceAll(sep, '/')
    if (entry.isDirectory() || isLeftover(path)) continue
    sources.set(keyOf(path), readFileSync(join(root, path), 'utf8'))
  }
}

/** What editors, version control and package managers leave beside the files that are meant. */
function isLeftover(path: string): boolean {
  return (
    path.split('/').some((part) => part.startsWith('.')) ||
    /(~|\.bak|\.swp|\.orig|\.rpm(new|save)|\.dpkg-\w+)$/.test(path)
  )
}

/** The names a profile may give in its column `template`: whole install files, not the parts they are made of. */
export function knownTemplates(sources: TemplateSources): Known {
  const names = [...sources.keys()].map((path) => path.replace(/^(site|(profile|machine)\/[^/]+)\//, ''))
  return {
    templates: new Set(names.filter((name) => /\.(ks|cfg)$/.test(name) && !/^(base|snippets|pxe)\//.test(name))),
  }
}

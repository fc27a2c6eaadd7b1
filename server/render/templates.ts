// The template engine: nunjucks over a map of sources, sandboxed, with every mistake naming template, line and machine.
import nunjucks from 'nunjucks'

/** Template sources by path: `kickstart/el9.ks`, `snippets/report.sh`, a site's `profile/NAME/snippets/…`. */
export type TemplateSources = ReadonlyMap<string, string>

/** Which overrides a machine's templates are looked up in, first to last, before the site's own and ours. */
export type Overlay = readonly string[]

export class TemplateError extends Error {
  override name = 'TemplateError'
}

export type TemplateEngine = Readonly<{
  /** Renders one template for one machine. @throws TemplateError naming template, line and machine */
  render: (template: string, view: object, overlay: Overlay, hostname: string) => string
  /** Whether that template exists for a machine with that overlay. */
  has: (template: string, overlay: Overlay) => boolean
}>

/** The overlay of a machine: its own folder, then those of its profiles, nearest first. */
export function overlayOf(sources: TemplateSources, hostname: string, profiles: readonly string[]): Overlay {
  return [`machine/${hostname}`, ...profiles.map((name) => `profile/${name}`)].filter((folder) => {
    for (const path of sources.keys()) if (path.startsWith(`${folder}/`)) return true
    return false
  })
}

/**
 * Engines are kept one for each distinct overlay: machines of one profile share theirs, and so its compiled templates.
 */
export function templateEngine(sources: TemplateSources): TemplateEngine {
  const environments = new Map<string, nunjucks.Environment>()
  const environmentFor = (overlay: Overlay): nunjucks.Environment => {
    const key = overlay.join('\n')
    const known = environments.get(key)
    if (known !== undefined) return known
    const made = openEnvironment(sources, overlay)
    environments.set(key, made)
    return made
  }
  return {
    has: (template, overlay) => resolve(sources, overlay, template) !== null,
    render: (template, view, overlay, hostname) => {
      try {
        return environmentFor(overlay).render(template, view)
      } catch (error) {
        throw new TemplateError(`${hostname}: ${describe(error, template)}`, { cause: error })
      }
    },
  }
}

function resolve(sources: TemplateSources, overlay: Overlay, name: string): string | null {
  return [...overlay.map((folder) => `${folder}/${name}`), `site/${name}`, name].find((path) => sources.has(path)) ?? null
}

function openEnvironment(sources: TemplateSources, overlay: Overlay): nunjucks.Environment {
  const getSource = (name: string): nunjucks.LoaderSource => {
    const path = resolve(sources, overlay, name)
    if (path === null) throw new Error(`template ${name} does not exist`)
    return { src: sources.get(path) ?? '', path, noCache: false }
  }
  const environment = new nunjucks.Environment({ getSource } as unknown as nunjucks.ILoader, {
    autoescape: false, // kickstarts are text, not HTML
    throwOnUndefined: true,
    trimBlocks: true,
    lstripBlocks: true,
  })
  return environment
}

type Lookup = (subject: unknown, key: unknown) => unknown
type NameLookup = (context: Readonly<{ ctx: object; env: { globals: object } }>, frame: unknown, name: string) => unknown

/**
 * The sandbox: a template sees own properties only. Without this, `"".constructor.constructor("…")()` runs any code,
 * because nunjucks looks names up with `object[key]`. Its runtime is one object per process, so it is mended once.
 */
function confineLookups(): void {
  const runtime = nunjucks.runtime as unknown as { memberLookup: Lookup; contextOrFrameLookup: NameLookup }
  const { memberLookup, contextOrFrameLookup } = runtime
  runtime.memberLookup = (subject, key) => {
    if (subject === null || subject === undefined) return undefined
    const isOwn = Object.hasOwn(Object(subject) as object, key as PropertyKey)
    return isOwn && typeof subject !== 'function' ? memberLookup(subject, key) : undefined
  }
  runtime.contextOrFrameLookup = (context, frame, name) => {
    const isReachable = Object.hasOwn(context.ctx, name) || Object.hasOwn(context.env.globals, name) || !(name in {})
    return isReachable ? contextOrFrameLookup(context, frame, name) : undefined
  }
}

confineLookups()

function describe(error: unknown, template: string): string {
  const text = error instanceof Error ? error.message : String(error)
  const where = /\(([^()]+)\)\s*(?:\[Line (\d+), Column (\d+)\])?/.exec(text)
  const reason = text.split('\n').at(-1)?.trim() ?? text
  const [, name = template, line] = where ?? []
  return `template ${name}${line === undefined ? '' : ` line ${line}`}: ${reason.replace(/^(Template render error|Error): /, '')}`
}

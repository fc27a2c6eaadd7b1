// The template engine: nunjucks over a map of sources, sandboxed, with every mistake naming template, line and machine.
import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import nunjucks from 'nunjucks'
import { grubWord, grubWords, ipxeText, oneLine } from './menu-quoting.ts'
import { partmanRecipe, partmanUse } from './partman.ts'
import {
  debianPackage,
  joined,
  kickstartWord,
  kickstartWords,
  needed,
  oneOf,
  packageLine,
  preseedScript,
  preseedValue,
  shellWord,
} from './quoting.ts'

/**
 * Template sources by path: `el9.ks`, `snippets/report.sh`, a site's `site/el9.ks`, `profile/NAME/snippets/report.sh`,
 * `machine/HOST/…`. Never changed once made: a new set of templates is a new map and a new engine.
 */
export type TemplateSources = ReadonlyMap<string, string>

/** Which overrides a machine's templates are looked up in, first to last, before the site's own and ours. */
type Overlay = readonly string[]

export class TemplateError extends Error {
  override name = 'TemplateError'
}

export type TemplateEngine = Readonly<{
  /** Other sources have another one. */
  digest: string
  /** Renders one template for one machine. @throws TemplateError naming template, line and machine */
  render: (template: string, view: object, overlay: Overlay, hostname: string) => string
  /** Whether that template exists for a machine with that overlay. */
  has: (template: string, overlay: Overlay) => boolean
  /** The overlay of a machine: its own folder, then those of its profiles, nearest first; those that exist. */
  overlay: (hostname: string, profiles: readonly string[]) => Overlay
}>

/** Engines with compiled templates that are kept, one for each distinct overlay: few unless many machines have folders. */
const maxEnvironments = 64

/** Machines of one profile share an overlay, and so its compiled templates. */
export function templateEngine(sources: TemplateSources): TemplateEngine {
  const folders = overlayFolders(sources)
  const environments = new LRUCache<string, nunjucks.Environment>({ max: maxEnvironments })
  const environmentFor = (overlay: Overlay): nunjucks.Environment => {
    const key = overlay.join('\n')
    const known = environments.get(key)
    if (known !== undefined) return known
    const made = openEnvironment(sources, overlay)
    environments.set(key, made)
    return made
  }
  return {
    digest: hash('sha256', JSON.stringify([...sources].sort())),
    has: (template, overlay) => resolve(sources, overlay, template) !== null,
    render: (template, view, overlay, hostname) => {
      try {
        return environmentFor(overlay).render(resolve(sources, overlay, template) ?? template, view)
      } catch (error) {
        throw new TemplateError(`${hostname}: ${describe(error, template)}`, { cause: error })
      }
    },
    overlay: (hostname, profiles) =>
      [`machine/${hostname}`, ...profiles.map((name) => `profile/${name}`)].filter((folder) => folders.has(folder)),
  }
}

function overlayFolders(sources: TemplateSources): ReadonlySet<string> {
  const tops = [...sources.keys()].flatMap((path) => /^(?:machine|profile)\/[^/]+(?=\/)/.exec(path) ?? [])
  return new Set(tops)
}

/**
 * Where a name is found: in the overlay, the site's folder, ours. A template that names itself means the next one of
 * that name, so that `site/el9.ks` can begin with `{% extends "el9.ks" %}`.
 */
function resolve(sources: TemplateSources, overlay: Overlay, name: string, from?: string): string | null {
  const paths = [...overlay.map((folder) => `${folder}/${name}`), `site/${name}`, name]
  const next = from === undefined ? 0 : paths.indexOf(from) + 1
  return paths.slice(next).find((path) => sources.has(path)) ?? null
}

function openEnvironment(sources: TemplateSources, overlay: Overlay): nunjucks.Environment {
  const resolved = new Map<string, string>()
  const loader = {
    cache: {},
    isRelative: () => true, // so that nunjucks asks resolve() for every name in a template
    resolve: (from: string, name: string): string => {
      const key = `${from}\n${name}`
      const path = resolved.get(key) ?? resolve(sources, overlay, name, from) ?? name
      resolved.set(key, path)
      return path
    },
    getSource: (path: string): nunjucks.LoaderSource => {
      const src = sources.get(path)
      if (src === undefined) throw new Error(`template ${path} does not exist`)
      return { src, path, noCache: false }
    },
  }
  const environment = new nunjucks.Environment(loader, {
    autoescape: false, // kickstarts are text, not HTML
    throwOnUndefined: true,
    trimBlocks: true,
    lstripBlocks: true,
  })
  // Or {% include "constructor" %} would find one, and "x" | valueOf would give a template nunjucks' own context.
  loader.cache = Object.create(null) as object
  const { filters, tests, globals } = environment as unknown as Readonly<
    Record<'filters' | 'tests' | 'globals', object>
  >
  for (const table of [filters, tests, globals]) Object.setPrototypeOf(table, null)
  for (const name of ['groupby', 'sum', 'selectattr', 'rejectattr']) Reflect.deleteProperty(filters, name) // they look up any property
  return environment
    .addFilter('shell', shellWord)
    .addFilter('ks', kickstartWord)
    .addFilter('kswords', kickstartWords)
    .addFilter('package', packageLine)
    .addFilter('preseed', preseedValue)
    .addFilter('script', preseedScript)
    .addFilter('debpackage', debianPackage)
    .addFilter('recipe', partmanRecipe)
    .addFilter('partman', partmanUse)
    .addFilter('oneof', oneOf)
    .addFilter('needed', needed)
    .addFilter('join', joined)
    .addFilter('line', oneLine)
    .addFilter('grub', grubWord)
    .addFilter('grubargs', grubWords)
    .addFilter('ipxe', ipxeText)
}

type Lookup = (subject: unknown, key: unknown) => unknown
type NameLookup = (
  context: Readonly<{ ctx: object; env: { globals: object } }>,
  frame: unknown,
  name: string,
) => unknown

/**
 * The sandbox: a template sees own properties only. Without this, `"".constructor.constructor("…")()` runs any code,
 * because nunjucks looks names up with `object[key]`. Its runtime is one object per process, so it is mended once.
 */
function confineLookups(): void {
  const runtime = nunjucks.runtime as unknown as {
    memberLookup: Lookup
    contextOrFrameLookup: NameLookup
    ensureDefined: Lookup
  }
  const { memberLookup, contextOrFrameLookup } = runtime
  runtime.memberLookup = (subject, key) => {
    if (subject === null || subject === undefined || typeof subject === 'function') return undefined
    return Object.hasOwn(subject, key as PropertyKey) ? memberLookup(subject, key) : undefined
  }
  runtime.contextOrFrameLookup = (context, frame, name) => {
    const isReachable = !(name in {}) || Object.hasOwn(context.ctx, name) || Object.hasOwn(context.env.globals, name)
    return isReachable ? contextOrFrameLookup(context, frame, name) : undefined
  }
  runtime.ensureDefined = (value) => {
    if (value === null || value === undefined) throw new Error('attempted to output an undefined or null value')
    return value // nunjucks' own would name a line of its own choice, see noteLines()
  }
}

type Node = Readonly<{ lineno: number }>
type Compiler = Readonly<{ templateName: string | undefined; _emit: (code: string) => void }>
type Compile = (this: Compiler, node: Node, ...rest: readonly unknown[]) => unknown

/**
 * nunjucks notes a line when it compiles a call, and none for a filter, an include or an extends; and it takes a line of
 * a parent's block for one of the template that is rendered. So every place where a mistake can show is noted here, as
 * `LINE of TEMPLATE`. Its compiler is one class per process, so it is mended once.
 */
function noteLines(): void {
  const { prototype } = (nunjucks as unknown as { compiler: { Compiler: { prototype: Record<string, Compile> } } })
    .compiler.Compiler
  const { compileFilter, compileFunCall, compileOutput, _compileGetTemplate } = prototype
  if (!compileFilter || !compileFunCall || !compileOutput || !_compileGetTemplate)
    throw new Error('this release of nunjucks compiles otherwise: mend noteLines()')
  const place = ({ templateName }: Compiler, { lineno }: Node): string => `${lineno + 1} of ${templateName ?? ''}`
  const note = (compiler: Compiler, node: Node): string => `lineno = ${JSON.stringify(place(compiler, node))}`
  const noteExpression = (compile: Compile): Compile =>
    function (node, ...rest) {
      this._emit(`(${note(this, node)}, `)
      compile.call(this, node, ...rest)
      this._emit(')')
    }
  const noteStatement = (compile: Compile): Compile =>
    function (node, ...rest) {
      this._emit(`${note(this, node)};`)
      return compile.call(this, node, ...rest)
    }
  prototype['compileFilter'] = noteExpression(compileFilter)
  prototype['compileFunCall'] = function (node, ...rest) {
    const noted = Object.create(node, { lineno: { value: JSON.stringify(place(this, node)) } }) as Node
    return compileFunCall.call(this, noted, ...rest)
  }
  prototype['compileOutput'] = noteStatement(compileOutput)
  prototype['_compileGetTemplate'] = noteStatement(_compileGetTemplate)
}

type Constructor = new (...args: never) => object
type LoopNode = Node & Readonly<{ body: Readonly<{ findAll: (type: Constructor) => readonly object[] }> }>

/**
 * nunjucks sets seven names, `loop.first` and its like, at each turn of every loop, which costs more than what most loops
 * write: so only where they can be seen, which is where `loop` is named and in other templates.
 */
function spareLoopNames(): void {
  const { compiler, nodes } = nunjucks as unknown as Readonly<{
    compiler: Readonly<{ Compiler: Readonly<{ prototype: Record<string, Compile> }> }>
    nodes: Readonly<Record<string, Constructor>>
  }>
  const { Symbol: Name, Include, Import, FromImport, Block, Super } = nodes
  const { _emitLoopBindings: emit } = compiler.Compiler.prototype
  const others = [Include, Import, FromImport, Block, Super]
  if (!emit || !Name || !others.every((type) => type !== undefined))
    throw new Error('this release of nunjucks compiles otherwise: mend spareLoopNames()')
  const isSeenIn = ({ body }: LoopNode): boolean =>
    body.findAll(Name).some((name) => (name as Readonly<{ value: string }>).value === 'loop') ||
    others.some((type) => body.findAll(type).length > 0)
  compiler.Compiler.prototype['_emitLoopBindings'] = function (node, ...rest) {
    return isSeenIn(node as LoopNode) ? emit.call(this, node, ...rest) : undefined
  }
}

confineLookups()
noteLines()
spareLoopNames()

/** nunjucks writes `(outer)\n (inner) [Line 3 of NAME, Column 5]\n  Error: why`; the place nearest to the mistake is the last. */
function describe(error: unknown, template: string): string {
  const text = error instanceof Error ? error.message : String(error)
  const places = [
    ...text.matchAll(
      /^\s*(?:Template render error: )?\((.+?)\)(?: \[Line (\d+)(?: of (.+?))?(?:, Column \d+)?\])?\s*$/gm,
    ),
  ]
  const [, path = template, line, name = path] =
    places.findLast((place) => place[2] !== undefined) ?? places.at(-1) ?? []
  const last = places.at(-1)
  const reason = last === undefined ? text : text.slice(last.index + last[0].length)
  return `template ${name}${line === undefined ? '' : ` line ${line}`}: ${reason.trim().replace(/^(?:[A-Za-z]*Error: )+/, '')}`
}

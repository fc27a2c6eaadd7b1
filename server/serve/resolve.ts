// One resolver for every door: a path and who asks give bytes, a file, or a refusal with its reason.
import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Snapshot } from '../inventory/snapshot.ts'
import { isKnown } from '../inventory/snapshot.ts'
import { addressObstacle, checkToken } from '../plan/access.ts'
import type { PlanContext } from '../plan/boot.ts'
import { liveToken } from '../plan/boot.ts'
import type { ArtefactRef, RenderContext } from '../render/catalogue.ts'
import { artefactAt } from '../render/catalogue.ts'
import { renderEntry } from '../render/entries.ts'
import type { TemplateEngine, TemplateSources } from '../render/templates.ts'
import { TemplateError } from '../render/templates.ts'
import type { FileLocator, FileRoots, LocatedFile } from './files.ts'
import { fileLocator } from './files.ts'

type Requester = Readonly<{ door: 'tftp' | 'http'; address: string; secret: string | null }>

export type Found =
  | Readonly<{ kind: 'text'; body: Buffer; contentType: string; etag: string | null; ref: ArtefactRef | null }>
  | LocatedFile
  | Readonly<{ kind: 'refused'; status: 400 | 403 | 404 | 500; why: string; hostname: string | null }>

export type Resolver = Readonly<{ resolve: (path: string, requester: Requester) => Found | Promise<Found> }>

type Options = Readonly<{
  context: () => PlanContext
  templates: () => LoadedTemplates
  /** Takes in what was committed before the call, if that can be had soon. */
  refresh: () => Promise<void>
  roots: FileRoots
  /** Secrets only for the machine's own addresses. */
  verifyAddress: boolean
  /** Memory for rendered artefacts. */
  cacheBytes: number
}>

/** The templates in force and their engine; another set is another object. */
export type LoadedTemplates = Readonly<{ sources: TemplateSources; engine: TemplateEngine }>

type Cached = Extract<Found, { kind: 'text' }>

export function openResolver(options: Options): Resolver {
  const cache = new LRUCache<string, Cached>({
    maxSize: options.cacheBytes,
    sizeCalculation: ({ body }) => body.length + 500,
  })
  const locate = fileLocator(options.roots)
  const rendered: { from: Snapshot | null; by: TemplateEngine | null } = { from: null, by: null }
  const inForce = (): RenderContext => {
    const context = options.context()
    const { engine } = options.templates()
    // Cached by revision: another snapshot is another answer, and so are other templates.
    if (rendered.from !== context.snapshot || rendered.by !== engine) cache.clear()
    Object.assign(rendered, { from: context.snapshot, by: engine })
    return { ...context, engine }
  }
  const answer = (path: string, ref: ArtefactRef, requester: Requester): Found => {
    const context = inForce()
    return refuse(options, context, ref, requester) ?? renderCached(context, cache, ref, path)
  }
  return {
    resolve: (path, requester) => {
      const { server, engine, snapshot } = inForce()
      const entry = renderEntry(server, engine, path)
      if (entry !== null) return asText(entry, 'text/plain; charset=utf-8', null)
      const ref = artefactAt(snapshot, path)
      if (ref === null) return findFile(locate, path)
      if (ref.artefact.isFresh) return options.refresh().then(() => answer(path, ref, requester))
      return answer(path, ref, requester)
    },
  }
}

/** An install file is fetched once and has a token in it: nobody is to keep a copy, so it gets no ETag. */
function asText(text: string, contentType: string, ref: ArtefactRef | null): Cached {
  const body = Buffer.from(text)
  const etag = ref?.artefact.access === 'install-token' ? null : `"${hash('sha1', body, 'base64url')}"`
  return { kind: 'text', body, contentType, etag, ref }
}

async function findFile(locate: FileLocator, path: string): Promise<Found> {
  const located = await locate(path)
  if (located.kind === 'absent') return { kind: 'refused', status: 404, why: located.why, hostname: null }
  return located
}

function refuse(
  options: Options,
  context: PlanContext,
  { artefact, hostname }: ArtefactRef,
  requester: Requester,
): Found | null {
  const { snapshot, now } = context
  const refused = (status: 403 | 404, why: string): Found => ({ kind: 'refused', status, why, hostname })
  if (!artefact.doors.includes(requester.door))
    return refused(404, `${artefact.name} is not served over ${requester.door}`)
  if (!isKnown(snapshot, hostname)) return refused(404, `the inventory has no machine ${hostname}`)
  const elsewhere = options.verifyAddress ? addressObstacle(snapshot, hostname, requester.address) : null
  if (artefact.access === 'own-address') {
    const machine = snapshot.machines.get(hostname)
    const hasSecret = machine?.boot === 'install' && liveToken(snapshot, machine, 'install', now) !== null
    return hasSecret && elsewhere !== null ? refused(403, elsewhere) : null
  }
  const purposes = artefact.access === 'install-token' ? (['install'] as const) : (['install', 'machine'] as const)
  const verdict = checkToken(snapshot, hostname, requester.secret, purposes, now)
  if (!verdict.ok) return refused(403, verdict.why)
  return elsewhere === null ? null : refused(403, elsewhere)
}

function renderCached(context: RenderContext, cache: LRUCache<string, Cached>, ref: ArtefactRef, path: string): Found {
  const machine = context.snapshot.machines.get(ref.hostname)
  // A token may expire without any change of the inventory; then it is another key.
  const key = `${path}\n${machine === undefined ? '' : (liveToken(context.snapshot, machine, 'install', context.now)?.id ?? '')}`
  // A Dom0's files depend on the tokens of its guests too: they are rendered at each request, and not kept.
  const isKept = ref.artefact.access !== 'machine-token'
  const known = isKept ? cache.get(key) : undefined
  if (known !== undefined) return known
  try {
    const made = ref.artefact.render(context, ref)
    if (made.kind === 'none') return { kind: 'refused', status: 404, why: made.why, hostname: ref.hostname }
    const found = asText(made.text, ref.artefact.contentType, ref)
    if (isKept) cache.set(key, found)
    return found
  } catch (error) {
    if (!(error instanceof TemplateError)) throw new Error(`render ${path} for ${ref.hostname}`, { cause: error })
    return { kind: 'refused', status: 500, why: error.message, hostname: ref.hostname }
  }
}

// A machine's artefacts: which there are, and each as it is served, or would be if the machine were armed.
import { noSecret } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { planBoot } from '../plan/boot.ts'
import { previewArmed } from '../plan/preview.ts'
import type { Artefact } from '../render/catalogue.ts'
import { artefactAt, artefactsOf } from '../render/catalogue.ts'
import type { Desk } from './desk.ts'
import { renderContext } from './desk.ts'
import { Refused } from './failure.ts'

export type ListedArtefact = Readonly<{
  name: string
  path: string
  doors: readonly string[]
  access: string
  /** False: only when the machine, or its guest, is armed. */
  served: boolean
}>

/** Everything that would be there if the machine and its guests were armed, and whether it is there now. */
export function listArtefacts(desk: Desk, snapshot: Snapshot, hostname: string): readonly ListedArtefact[] {
  const now = new Set(artefactsOf(renderContext(desk, snapshot), hostname).map(({ path }) => path))
  const armed = renderContext(desk, previewOf(snapshot, hostname))
  return artefactsOf(armed, hostname).map(({ artefact, path }) => ({
    name: nameOf(artefact, path),
    path,
    doors: artefact.doors,
    access: artefact.access,
    served: now.has(path),
  }))
}

/** A guest's configuration is named by its last two segments: `xen/acas0013`, `libvirt/acas0013.xml`. */
const nameOf = (artefact: Artefact, path: string): string =>
  artefact.path.includes('GUEST') ? path.split('/').slice(-2).join('/') : artefact.name

/** Rows already armed stay as they are: what is shown is what is served, token and all. */
function previewOf(snapshot: Snapshot, hostname: string): Snapshot {
  const all = [hostname, ...(snapshot.guests.get(hostname) ?? [])]
  return previewArmed(
    snapshot,
    all.filter((name) => snapshot.machines.get(name)?.boot !== 'install'),
  )
}

/** Why a machine is served nothing, or null. */
export function whyServedNothing(desk: Desk, snapshot: Snapshot, hostname: string): string | null {
  const plan = planBoot(renderContext(desk, snapshot), hostname)
  return plan.kind === 'ignore' ? plan.why : null
}

export type ShownArtefact = ListedArtefact & Readonly<{ text: string }>

/**
 * One artefact by its name or path; of a machine that is not armed a preview, with a token that opens nothing.
 * @throws Refused when there is none, with those that there are
 */
export function showArtefact(desk: Desk, snapshot: Snapshot, hostname: string, wanted: string): ShownArtefact {
  const artefacts = listArtefacts(desk, snapshot, hostname)
  const found = artefacts.find((one) => one.name === wanted || one.path === wanted.replace(/^\/+/, ''))
  if (found === undefined) throw new Refused(whyNot(desk, snapshot, hostname, wanted, artefacts))
  const context = renderContext(desk, found.served ? snapshot : previewOf(snapshot, hostname))
  const ref = artefactAt(context.snapshot, found.path)
  const rendered = ref === null ? null : ref.artefact.render(context, ref)
  if (rendered?.kind !== 'text') throw new Refused(`${found.path}: ${rendered?.why ?? 'no such artefact'}`)
  return { ...found, text: rendered.text }
}

/** The same text without the tokens of the machine and its guests. */
export function withoutTokens({ tokens, guests }: Snapshot, hostname: string, text: string): string {
  return [hostname, ...(guests.get(hostname) ?? [])]
    .flatMap((name) => tokens.get(name) ?? [])
    .reduce((hiding, { secret }) => hiding.replaceAll(secret, noSecret), text)
}

function whyNot(
  desk: Desk,
  snapshot: Snapshot,
  hostname: string,
  wanted: string,
  artefacts: readonly ListedArtefact[],
): string {
  const nothing = whyServedNothing(desk, snapshot, hostname)
  if (nothing !== null) return `${hostname} is served nothing: ${nothing}`
  const names = artefacts.map((one) => one.name).join(', ')
  const armed = renderContext(desk, previewOf(snapshot, hostname))
  return `${hostname} has no artefact ${wanted}${wanted === 'kickstart' ? `: ${planBoot(armed, hostname).why}` : ''}; those it has: ${names}`
}

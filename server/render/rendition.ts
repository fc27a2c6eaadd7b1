// All that a machine is told, as texts by path: what two revisions of the inventory are compared by.
import type { Snapshot } from '../inventory/snapshot.ts'
import { macFileName } from '../inventory/address.ts'
import { effectiveMac } from '../plan/interfaces.ts'
import { previewArmed } from '../plan/preview.ts'
import { settingsOf } from '../plan/settings.ts'
import type { RenderContext } from './catalogue.ts'
import { artefactAt, artefactsOf } from './catalogue.ts'
import type { ExplainedValue } from './explain.ts'
import { explainBoot } from './explain.ts'
import { TemplateError } from './templates.ts'

/** One text and whose it is: a guest's configuration is the guest's, though its Dom0 fetches it. */
export type Told = Readonly<{ path: string; machine: string; text: string }>

type Renditions = (hostname: string) => readonly Told[]

/**
 * Renders machines of one picture: boot menus and DHCP answers as they are, and what only an install fetches
 * (kickstart, install configurations) as if each machine were armed. Manifests are left out: they hold checksums of
 * the rest. What can't be rendered is a text that says why.
 */
export function renditionsOf(context: RenderContext, hostnames: readonly string[]): Renditions {
  const unarmed = hostnames.filter((hostname) => context.snapshot.machines.get(hostname)?.boot !== 'install')
  const armed = { ...context, snapshot: previewArmed(context.snapshot, unarmed) }
  return (hostname) => [
    ...dhcpAnswers(context, hostname),
    ...menus(context, hostname),
    ...installTexts(armed, hostname),
  ]
}

/** What the DHCP door would offer the firmware: one text, with a boot file for each platform. */
function dhcpAnswers(context: RenderContext, hostname: string): readonly Told[] {
  const machine = context.snapshot.machines.get(hostname)
  const mac = machine === undefined ? null : settingsOf(context.snapshot, machine, context.server).mac.value
  if (mac === null) return []
  const offers = (['bios', 'uefi-x64'] as const).map((platform) => {
    const { answers, plan, why } = explainBoot(context, mac, hostname, platform, 'firmware')
    const values = answers[0]?.values ?? []
    const isBootfile = ({ name }: ExplainedValue): boolean => name.startsWith('boot file')
    return {
      lines: [
        answers[0]?.answer ?? '',
        ...values.filter((value) => !isBootfile(value)).map(({ name, value }) => `${name} ${value}`),
        `boots: ${plan}: ${why}`,
      ],
      bootfiles: values.filter(isBootfile).map(({ name, value }) => `${name} ${value} (${platform})`),
    }
  })
  const lines = [...(offers[0]?.lines ?? []), ...offers.flatMap(({ bootfiles }) => bootfiles)]
  return [{ path: 'dhcp', machine: hostname, text: `${lines.join('\n')}\n` }]
}

const isMenu = (name: string): boolean => ['pxelinux', 'grub', 'ipxe'].includes(name)

const menus = (context: RenderContext, hostname: string): readonly Told[] =>
  texts(context, hostname, (name) => isMenu(name))

const installTexts = (context: RenderContext, hostname: string): readonly Told[] =>
  texts(context, hostname, (name) => !isMenu(name) && name !== 'manifest')

function texts(context: RenderContext, hostname: string, wanted: (name: string) => boolean): readonly Told[] {
  return artefactsOf(context, hostname).flatMap(({ artefact, path }): readonly Told[] => {
    const ref = wanted(artefact.name) ? artefactAt(context.snapshot, path) : null
    if (ref === null) return []
    const machine = ref.guest ?? hostname
    try {
      const rendered = artefact.render(context, ref)
      return [{ path, machine, text: rendered.kind === 'text' ? rendered.text : `(nothing: ${rendered.why})\n` }]
    } catch (error) {
      if (error instanceof TemplateError) return [{ path, machine, text: `(can't be rendered: ${error.message})\n` }]
      throw error
    }
  })
}

/**
 * A machine's own words and what stands for them, so that the same change of many machines reads the same. A word that
 * itself changes stands for itself.
 */
export function ownWords(
  before: Snapshot,
  after: Snapshot,
): (hostname: string) => readonly (readonly [word: string, placeholder: string])[] {
  return (hostname) => {
    const [old, now] = [wordsOf(before, hostname), wordsOf(after, hostname)]
    return [...new Map([...old, ...now])].flatMap(([name, word]) =>
      (old.get(name) ?? word) === word ? [[word, name] as const] : [],
    )
  }
}

function wordsOf(snapshot: Snapshot, hostname: string): ReadonlyMap<string, string> {
  const words = new Map([['HOSTNAME', hostname]])
  const machine = snapshot.machines.get(hostname)
  if (machine === undefined) return words
  if (machine.uuid !== null) words.set('UUID', machine.uuid)
  if (machine.dom0 !== null) words.set('DOM0', machine.dom0)
  for (const nic of snapshot.interfaces.get(hostname) ?? []) {
    const of = nic.name.toUpperCase()
    const mac = effectiveMac(machine, nic)
    if (mac !== null) words.set(`${of}-MAC`, mac).set(`01-${of}-MAC`, macFileName(mac))
    if (nic.ip !== null) words.set(`${of}-IP`, nic.ip)
  }
  return words
}

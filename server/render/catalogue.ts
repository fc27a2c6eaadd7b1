// The catalogue: every artefact there is, where it lives, who may fetch it, and how it renders.
import { createHash } from 'node:crypto'
import type { MacAddress } from '../inventory/address.ts'
import { parseMac } from '../inventory/address.ts'
import { describeWithheld, findings, isWithheld } from '../inventory/findings.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Plan, PlanContext } from '../plan/boot.ts'
import { planBoot } from '../plan/boot.ts'
import { menuPath } from '../plan/bootfile.ts'
import { bootMac } from '../plan/interfaces.ts'
import type { KernelArg } from '../plan/arguments.ts'
import type { GuestPlan } from '../plan/guest.ts'
import { planGuest } from '../plan/guest.ts'
import type { Settings } from '../plan/settings.ts'
import { settingsOf } from '../plan/settings.ts'
import { renderLibvirtInstall, renderLibvirtRunning } from './libvirt.ts'
import { renderManifest } from './manifest.ts'
import type { Menu } from './menus.ts'
import { menuTemplates, menuView } from './menus.ts'
import type { TemplateEngine } from './templates.ts'
import { TemplateError } from './templates.ts'
import { installView } from './view.ts'
import { renderXenInstall, renderXenRunning } from './xen.ts'

/** `own-address`: only from an address of that machine. `install-token`, `machine-token`: with the machine's live token. */
export type Access = 'own-address' | 'install-token' | 'machine-token'

export type RenderContext = PlanContext & Readonly<{ engine: TemplateEngine }>

/** Which artefact a path names: its kind, the machine it belongs to, and for a Dom0's files the guest. */
export type ArtefactRef = Readonly<{ artefact: Artefact; hostname: string; guest: string | null }>

export type Rendered = Readonly<{ kind: 'text'; text: string }> | Readonly<{ kind: 'none'; why: string }>

export type Artefact = Readonly<{
  name: string
  /** The path's form, for people. */
  path: string
  doors: readonly ('tftp' | 'http' | 'disk')[]
  access: Access
  contentType: string
  /** The stage of a machine's timeline that fetching this artefact is a sign of, or null. */
  stage: 'loader' | 'kickstart' | null
  /** Made of what was committed before it was asked for: an administrator changes a row and runs xenconf at once. */
  isFresh: boolean
  match: (snapshot: Snapshot, path: string) => Readonly<{ hostname: string; guest: string | null }> | null
  /** Paths at which this artefact of a machine lives; several for a Dom0 with guests. */
  paths: (context: PlanContext, hostname: string) => readonly string[]
  render: (context: RenderContext, ref: ArtefactRef) => Rendered
}>

const none = (why: string): Rendered => ({ kind: 'none', why })
const text = (content: string): Rendered => ({ kind: 'text', text: content })

function menuArtefact(menu: Menu, path: string, pattern: RegExp): Artefact {
  return {
    name: menu,
    path,
    doors: ['tftp', 'http', 'disk'],
    access: 'own-address',
    contentType: 'text/plain; charset=utf-8',
    stage: 'loader',
    isFresh: false,
    match: (snapshot, requested) => {
      const mac = parseMac(pattern.exec(requested)?.[1] ?? '')
      const hostname = mac === null ? null : hostnameByMac(snapshot, mac)
      return hostname === null ? null : { hostname, guest: null }
    },
    paths: (context, hostname) => {
      const machine = context.snapshot.machines.get(hostname)
      const at = machine === undefined ? null : menuPath(bootMac(context.snapshot, machine), menu)
      return at === null ? [] : [at]
    },
    render: (context, { hostname }) => menusOf(context, hostname)(menu),
  }
}

type Menus = (menu: Menu) => Rendered

/** Of the machine that was asked for last: its three menus say one plan, and are asked for one after the other. */
const lastMenus = new WeakMap<RenderContext, Readonly<{ hostname: string; menus: Menus }>>()

function menusOf(context: RenderContext, hostname: string): Menus {
  const last = lastMenus.get(context)
  if (last?.hostname === hostname) return last.menus
  const menus = planMenus(context, hostname)
  lastMenus.set(context, { hostname, menus })
  return menus
}

function planMenus(context: RenderContext, hostname: string): Menus {
  const plan = planBoot(context, hostname)
  if (plan.kind === 'ignore') return () => none(plan.why)
  const view = menuView(plan)
  return (menu) => text(renderTemplate(context, plan, menuTemplates[menu], view))
}

/** Any interface's MAC leads to the machine's menu: which card a firmware boots from is its own choice. */
function hostnameByMac(snapshot: Snapshot, mac: MacAddress): string | null {
  return snapshot.byMac.get(mac)?.[0]?.machine ?? null
}

function renderTemplate(
  context: RenderContext,
  plan: Exclude<Plan, { kind: 'ignore' }>,
  template: string,
  view: object,
): string {
  const { machine, chain } = plan.settings
  const overlay = context.engine.overlay(
    machine.hostname,
    chain.profiles.map((profile) => profile.name),
  )
  return context.engine.render(template, view, overlay, machine.hostname)
}

const kickstart: Artefact = {
  name: 'kickstart',
  path: 'ks/HOSTNAME',
  doors: ['http'],
  access: 'install-token',
  contentType: 'text/plain; charset=utf-8',
  stage: 'kickstart',
  isFresh: false,
  match: (_, requested) => matchHost(/^ks\/([^/]+)$/, requested),
  paths: (context, hostname) => (planBoot(context, hostname).kind === 'install' ? [`ks/${hostname}`] : []),
  render: (context, { hostname }) => {
    const plan = planBoot(context, hostname)
    if (plan.kind !== 'install') return none(`${hostname} is not to be installed: ${plan.why}`)
    return text(renderTemplate(context, plan, plan.settings.template.value ?? '', installView(context.snapshot, plan)))
  },
}

function matchHost(pattern: RegExp, requested: string): Readonly<{ hostname: string; guest: string | null }> | null {
  const [, hostname, guest] = pattern.exec(requested) ?? []
  return hostname === undefined ? null : { hostname: hostname.toLowerCase(), guest: guest ?? null }
}

const manifest: Artefact = {
  name: 'manifest',
  path: 'dom0/HOSTNAME/manifest',
  doors: ['http'],
  access: 'machine-token',
  contentType: 'text/plain; charset=utf-8',
  stage: null,
  isFresh: true,
  match: (_, requested) => matchHost(/^dom0\/([^/]+)\/manifest$/, requested),
  paths: (context, hostname) => (typeof dom0Of(context, hostname) === 'string' ? [] : [`dom0/${hostname}/manifest`]),
  render: (context, { hostname }) => {
    const dom0 = dom0Of(context, hostname)
    return typeof dom0 === 'string' ? none(dom0) : text(renderManifest(manifestEntries(context, hostname)))
  },
}

/** A Dom0 that is served, or why it isn't one. */
function dom0Of({ snapshot, server, known }: PlanContext, hostname: string): Settings | string {
  const found = findings(snapshot, hostname, known)
  if (isWithheld(found)) return `${hostname} is withheld: ${describeWithheld(found)}`
  const machine = snapshot.machines.get(hostname)
  if (machine === undefined) return `the inventory has no machine ${hostname}`
  const settings = settingsOf(snapshot, machine, server)
  return settings.hypervisor.value === 'none' ? `${hostname} is no Dom0: its profile has no hypervisor` : settings
}

function manifestEntries(context: RenderContext, dom0: string): Parameters<typeof renderManifest>[0] {
  const guests = context.snapshot.guests.get(dom0) ?? []
  const made = new Map(guests.map((guest) => [guest, guestFiles(context, dom0, guest)]))
  const served = guests.filter((guest) => made.get(guest) !== null)
  const images = served.flatMap((guest) => {
    const machine = context.snapshot.machines.get(guest)
    const image = machine === undefined ? null : settingsOf(context.snapshot, machine, context.server).image.value
    return image === null
      ? []
      : Object.entries(image.sha256).flatMap(([file, sha256]) =>
          file === image.kernel || file === image.initrd ? [{ path: `images/${image.name}/${file}`, sha256 }] : [],
        )
  })
  const withheld = guests.filter((guest) => made.get(guest) === null)
  return {
    dom0,
    files: served.flatMap((guest) => made.get(guest) ?? []),
    images,
    withheld: [...withheld, ...unreadable(context)],
  }
}

type GuestFile = Readonly<{ path: string; sha256: string }>

/** The guest's configurations, or null when its rows are bad or hold what no configuration can say. */
function guestFiles(context: RenderContext, dom0: string, guest: string): readonly GuestFile[] | null {
  if (isWithheld(findings(context.snapshot, guest, context.known))) return null
  try {
    return guestConfigs.flatMap(({ artefact, path }) => {
      const rendered = artefact.render(context, { artefact, hostname: dom0, guest })
      if (rendered.kind === 'none') return []
      const sha256 = createHash('sha256').update(rendered.text).digest('hex')
      return [{ path: path(dom0, guest), sha256 }]
    })
  } catch (error) {
    if (error instanceof TemplateError) return null // its neighbours' go on
    throw error
  }
}

/** Machines whose row can't be read: each may be a guest of this Dom0, and a mistyped column must not cost it its configuration. */
function unreadable({ snapshot }: PlanContext): readonly string[] {
  const hostnames = [...snapshot.unreadable.keys()].flatMap((row) => /^machines\/([a-z0-9-]+)$/.exec(row)?.[1] ?? [])
  return hostnames.filter((hostname) => !snapshot.machines.has(hostname)).sort()
}

type GuestConfig = Readonly<{ artefact: Artefact; path: (dom0: string, guest: string) => string }>

/** A guest's configuration for its Dom0's hypervisor: the running one, or the install one while the guest is armed. */
function guestConfig(
  hypervisor: GuestPlan['hypervisor'],
  when: 'running' | 'install',
  names: Readonly<{ name: string; folder: string; ending: string; contentType: string }>,
): GuestConfig {
  const path = (dom0: string, guest: string): string => `dom0/${dom0}/${names.folder}/${guest}${names.ending}`
  const ending = names.ending.replace('.', '\\.')
  const pattern = new RegExp(`^dom0/([^/]+)/${names.folder}/([A-Za-z0-9-]+)${ending}$`)
  const artefact: Artefact = {
    name: names.name,
    path: path('HOSTNAME', 'GUEST'),
    doors: ['http'],
    access: 'machine-token',
    contentType: names.contentType,
    stage: null,
    isFresh: false,
    match: (_, requested) => matchHost(pattern, requested),
    paths: (context, hostname) => {
      const dom0 = dom0Of(context, hostname)
      if (typeof dom0 === 'string' || dom0.hypervisor.value !== hypervisor) return []
      const guests = (context.snapshot.guests.get(hostname) ?? []).filter(
        (guest) => !isWithheld(findings(context.snapshot, guest, context.known)),
      )
      const shown = when === 'running' ? guests : guests.filter((guest) => planBoot(context, guest).kind === 'install')
      return shown.map((guest) => path(hostname, guest))
    },
    render: (context, { hostname, guest }) => renderGuest(context, hypervisor, when, hostname, guest ?? ''),
  }
  return { artefact, path }
}

function renderGuest(
  context: RenderContext,
  hypervisor: GuestPlan['hypervisor'],
  when: 'running' | 'install',
  hostname: string,
  guest: string,
): Rendered {
  if (context.snapshot.machines.get(guest)?.dom0 !== hostname) return none(`${guest} is no guest of ${hostname}`)
  const dom0 = dom0Of(context, hostname)
  if (typeof dom0 === 'string') return none(dom0)
  const plan = planBoot(context, guest)
  if (plan.kind === 'ignore') return none(plan.why)
  const guestPlan = planGuest(context.snapshot, dom0, plan.settings)
  if (guestPlan?.hypervisor !== hypervisor) return none(`${hostname} runs ${dom0.hypervisor.value}, not ${hypervisor}`)
  if (when === 'running') return text(renderRunning(guestPlan))
  return plan.kind === 'install'
    ? text(renderInstall(guestPlan, plan.boot.args))
    : none(`${guest} is not to be installed: ${plan.why}`)
}

function renderRunning(guest: GuestPlan): string {
  return guest.hypervisor === 'xen' ? renderXenRunning(guest) : renderLibvirtRunning(guest)
}

function renderInstall(guest: GuestPlan, args: readonly KernelArg[]): string {
  return guest.hypervisor === 'xen' ? renderXenInstall(guest, args) : renderLibvirtInstall(guest, args)
}

const xen = { folder: 'xen', contentType: 'text/plain; charset=utf-8' } as const
const libvirt = { folder: 'libvirt', contentType: 'application/xml; charset=utf-8' } as const

const guestConfigs: readonly GuestConfig[] = [
  guestConfig('xen', 'running', { ...xen, name: 'xen', ending: '' }),
  guestConfig('xen', 'install', { ...xen, name: 'xen-install', ending: '_install' }),
  guestConfig('kvm', 'running', { ...libvirt, name: 'libvirt', ending: '.xml' }),
  guestConfig('kvm', 'install', { ...libvirt, name: 'libvirt-install', ending: '_install.xml' }),
]

export const catalogue: readonly Artefact[] = [
  menuArtefact('pxelinux', 'pxelinux.cfg/01-MAC', /^pxelinux\.cfg\/01-([0-9a-f-]{17})$/i),
  menuArtefact('grub', 'grub/grub.cfg-01-MAC', /^grub\/grub\.cfg-01-([0-9a-f:-]{17})$/i),
  menuArtefact('ipxe', 'ipxe/MAC.ipxe', /^ipxe\/([0-9a-f:-]{17})\.ipxe$/i),
  kickstart,
  manifest,
  ...guestConfigs.map(({ artefact }) => artefact),
]

/** Which artefact, of which machine, a path names; null when the path has none of the catalogue's forms. */
export function artefactAt(snapshot: Snapshot, path: string): ArtefactRef | null {
  for (const artefact of catalogue) {
    const matched = artefact.match(snapshot, path)
    if (matched !== null) return { artefact, ...matched }
  }
  return null
}

/** Every artefact path of a machine, in the catalogue's order. */
export function artefactsOf(
  context: PlanContext,
  hostname: string,
): readonly Readonly<{ artefact: Artefact; path: string }>[] {
  return catalogue.flatMap((artefact) => artefact.paths(context, hostname).map((path) => ({ artefact, path })))
}

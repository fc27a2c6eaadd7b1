// Health as the farm's page shows it: database, doors, loaders, files for other daemons, and the other servers.
import type { Health } from '../../serve/http/app.ts'
import type { KnownServer, OpenDoor } from '../../serve/presence.ts'
import { lasting } from './live-board.ts'

type Told = Health & Readonly<{ servers: readonly KnownServer[] }>

type HealthRow = Readonly<{ name: string; said: string; tone: 'good' | 'bad' | 'calm' }>

type ShownServer = Readonly<{
  name: string
  /** Of several on one host. */
  folder: string
  isThis: boolean
  tone: 'good' | 'bad'
  /** How it is. */
  said: string
  /** Of the inventory that it serves. */
  revision: number
  version: string
  /** `http 192.0.2.1:80`. */
  doors: readonly string[]
}>

const doorLabels: Readonly<Record<OpenDoor['door'], string>> = {
  dhcp: 'DHCP',
  dhcp6: 'DHCPv6',
  tftp: 'TFTP',
  http: 'HTTP',
  admin: 'Pages and API',
}

/** @param told what the server says of itself, as far as it does */
export function healthView(told: object, missing: readonly string[]) {
  const { inventory = 'ok', views, targets = {}, servers = [] } = told as Partial<Told>
  const said = (name: string, text: string): HealthRow => ({ name, said: text, tone: text === 'ok' ? 'good' : 'bad' })
  const [own] = servers
  const rows: readonly HealthRow[] = [
    said('Database', inventory),
    ...(views === undefined ? [] : [said("The site's own tables", views)]),
    ...(own?.doors ?? []).map(doorRow),
    loaderRow(missing),
    ...Object.entries(targets).map(([target, text]) => said(`Files of ${target}`, text)),
  ]
  return { rows, servers: servers.length > 1 ? servers.map((one) => shownServer(one, own?.revision ?? 0)) : [] }
}

const doorRow = ({ door, at, note }: OpenDoor): HealthRow => ({
  name: doorLabels[door],
  said: at === null ? note : [`at ${at}`, ...(note === '' ? [] : [note])].join(', '),
  tone: at === null ? 'calm' : 'good',
})

function loaderRow(missing: readonly string[]): HealthRow {
  const [first = '', ...others] = missing
  const name = 'Boot loaders'
  if (first === '') return { name, said: 'ok', tone: 'good' }
  const which = others.length === 0 ? first : `${first} and ${others.length} more`
  return { name, said: `${which} not collected: bootstead loaders collect --download`, tone: 'bad' }
}

function shownServer(server: KnownServer, newest: number): ShownServer {
  const { name, folder, isThis, isStale, silentMs, status, revision, version, doors } = server
  const isWell = !isStale && status === 'ok'
  return {
    ...{ name, folder, isThis, revision, version },
    tone: isWell ? 'good' : 'bad',
    said: isStale ? `not heard of for ${lasting(silentMs)}` : [status, ...behind(newest - revision)].join(', '),
    doors: doors.flatMap(({ door, at }) => (at === null ? [] : [`${doorLabels[door]} ${at}`])),
  }
}

/** A moment's difference is nothing: changes reach every server within two seconds. */
const behind = (revisions: number): readonly string[] =>
  revisions > 0 ? [`${revisions.toLocaleString('en')} ${revisions === 1 ? 'revision' : 'revisions'} behind`] : []

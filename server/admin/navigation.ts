// What the pages' head leads to, and the menu of whoever is logged in. A page that is to be found has its line here.
import type { Role } from './roles.ts'
import { mayAs } from './roles.ts'

type Declared = Readonly<{ href: string; label: string; role: Role }>

const places: readonly (Declared | Readonly<{ label: string; below: readonly Declared[] }>)[] = [
  { href: '/', label: 'Farm', role: 'viewer' },
  { href: '/machines', label: 'Machines', role: 'viewer' },
  {
    label: 'Inventory',
    below: [
      { href: '/networks', label: 'Networks', role: 'viewer' },
      { href: '/profiles', label: 'Profiles', role: 'viewer' },
      { href: '/images', label: 'Images', role: 'viewer' },
      { href: '/site', label: 'Site', role: 'viewer' },
      { href: '/import', label: 'Import and export', role: 'operator' },
    ],
  },
  { href: '/findings', label: 'Findings', role: 'viewer' },
  { href: '/seen', label: 'Seen', role: 'viewer' },
  { href: '/changes', label: 'Changes', role: 'viewer' },
  { href: '/generate', label: 'Generate', role: 'viewer' },
]

/** Of oneself and of the server, behind one's own name. */
const ownPlaces: readonly Declared[] = [
  { href: '/account', label: 'My account', role: 'viewer' },
  { href: '/users', label: 'Users', role: 'admin' },
  { href: '/reference', label: 'API', role: 'viewer' },
]

export type Place = Readonly<{ href: string; label: string; isHere: boolean }>
/** A place, or a menu of some. */
export type Entry = Place | Readonly<{ label: string; isHere: boolean; below: readonly Place[] }>

/** @param path of the page that is shown */
export const placesFor = (role: Role, path: string): readonly Entry[] =>
  places.flatMap((one): readonly Entry[] => {
    if (!('below' in one)) return allowed(role, path, [one])
    const below = allowed(role, path, one.below)
    return [{ label: one.label, below, isHere: below.some(({ isHere }) => isHere) }]
  })

export const ownPlacesFor = (role: Role, path: string): readonly Place[] => allowed(role, path, ownPlaces)

const allowed = (role: Role, path: string, declared: readonly Declared[]): readonly Place[] =>
  declared
    .filter((place) => mayAs(role, place.role))
    .map(({ href, label }) => ({ href, label, isHere: path === href || path.startsWith(`${href}/`) }))

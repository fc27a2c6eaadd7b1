// What the pages' head leads to. A page that is to be found there has its line here.
import type { Role } from './roles.ts'
import { mayAs } from './roles.ts'

const places: readonly Readonly<{ href: string; label: string; role: Role }>[] = [
  { href: '/', label: 'Farm', role: 'viewer' },
  { href: '/machines', label: 'Machines', role: 'viewer' },
  { href: '/networks', label: 'Networks', role: 'viewer' },
  { href: '/profiles', label: 'Profiles', role: 'viewer' },
  { href: '/images', label: 'Images', role: 'viewer' },
  { href: '/seen', label: 'Seen', role: 'viewer' },
  { href: '/findings', label: 'Findings', role: 'viewer' },
  { href: '/changes', label: 'Changes', role: 'viewer' },
  { href: '/generate', label: 'Generate', role: 'viewer' },
  { href: '/import', label: 'Import', role: 'operator' },
  { href: '/users', label: 'Users', role: 'admin' },
  { href: '/reference', label: 'API', role: 'viewer' },
]

export type Place = Readonly<{ href: string; label: string; isHere: boolean }>

/** @param path of the page that is shown */
export const placesFor = (role: Role, path: string): readonly Place[] =>
  places
    .filter((place) => mayAs(role, place.role))
    .map(({ href, label }) => ({ href, label, isHere: path === href || path.startsWith(`${href}/`) }))

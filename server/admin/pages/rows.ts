// Networks, profiles and images: which there are, what each says, what holds along a profile's chain, and who uses it.
import type { AnyRow, Profile } from '../../inventory/rows.ts'
import { profileChain } from '../../inventory/profiles.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { rowOf, rowsOf } from '../../inventory/snapshot.ts'
import { encodeRow } from '../../inventory/encode.ts'
import { readChanges } from '../../inventory/store/read.ts'
import type { Desk } from '../../manage/desk.ts'
import { parseChange } from '../../manage/history.ts'
import { farmIndex } from '../../manage/farm-index.ts'
import { foldNames } from '../../manage/names.ts'
import type { RowDiff } from '../../manage/review.ts'
import { changesOf, showValue } from '../../manage/row-changes.ts'
import { rowWithoutSecrets, withoutSecrets } from '../../inventory/secrets.ts'
import { profilesNaming, usersIn } from '../../manage/uses.ts'
import { storedRow } from '../../manage/stored-rows.ts'
import { apiOf } from '../api/routes.ts'
import type { Admin } from '../app.ts'
import { mayAs } from '../roles.ts'
import type { Route, Visit } from '../route.ts'
import { queryOf } from '../route.ts'
import type { RowKind } from './row-fields.ts'
import { labelOf, rowKinds } from './row-fields.ts'

export const rowRoutes = (admin: Admin): readonly Route[] =>
  rowKinds.flatMap((kind): readonly Route[] => [
    { method: 'get', path: `/${kind.table}`, role: 'viewer', handle: (visit) => showRows(admin, kind, visit) },
    { method: 'get', path: `/${kind.table}/:name`, role: 'viewer', handle: (visit) => showRow(admin, kind, visit) },
  ])

/** What a redirect may say was done: words of ours only. */
const done: Readonly<Record<string, string>> = {
  changed: 'It is changed. What machines are served follows within two seconds.',
  added: 'It is added.',
  removed: 'It is removed.',
}

export const hrefOfRow = (kind: RowKind, name: string): string => `/${kind.table}/${encodeURIComponent(name)}`

async function showRows(admin: Admin, kind: RowKind, visit: Visit): Promise<void> {
  const snapshot = await apiOf(admin).snapshot()
  const unreadable = [...snapshot.unreadable.values()].flat().filter(({ table }) => table === kind.table)
  const users = await usersIn(await farmIndex(snapshot, admin.desk(visit.by.who).known), kind.table)
  visit.page('rows.html', {
    kind,
    columns: kind.listed.map((column) => labelOf(kind, column)),
    rows: rowsOf(snapshot, kind.table).map((row) => {
      const stored = encodeRow(row)
      return {
        name: row.name,
        href: hrefOfRow(kind, row.name),
        cells: kind.listed.map((column) => showValue(stored[column])),
        users: users(row.name).length,
      }
    }),
    unreadable: unreadable.map(({ key, errors }) => ({
      key,
      href: hrefOfRow(kind, key),
      why: errors.map(({ field, message }) => `${field}: ${message}`).join('; '),
    })),
    mayChange: mayAs(visit.actor.role, 'operator'),
    done: done[queryOf(visit.request, 'done')] ?? '',
  })
}

const [mostFolded, mostChanges] = [2000, 5]

async function showRow(admin: Admin, kind: RowKind, visit: Visit): Promise<void> {
  const desk = admin.desk(visit.by.who)
  const snapshot = await apiOf(admin).snapshot()
  const name = String(visit.request.params['name'])
  const row = rowOf(snapshot, kind.table, name)
  // A row that can't be read is shown as it is, so that it can be mended.
  const stored = await storedRow(desk.store, snapshot, kind.table, name)
  const errors = snapshot.unreadable.get(`${kind.table}/${name}`)?.flatMap((one) => one.errors) ?? []
  const users = (await usersIn(await farmIndex(snapshot, desk.known), kind.table))(name)
  visit.page('row.html', {
    kind,
    name,
    href: hrefOfRow(kind, name),
    faults: row === null ? errors.map(({ field, message }) => `${field}: ${message}`) : [],
    values: row === null ? rawValues(kind, stored) : valuesOf(snapshot, kind, row),
    chain: kind.table === 'profiles' ? chainOf(snapshot, name) : null,
    naming: profilesNaming(snapshot, kind.table, name).map((one) => ({
      name: one,
      href: `/profiles/${encodeURIComponent(one)}`,
    })),
    users: {
      count: users.length,
      folded: users.length <= mostFolded ? foldNames(users) : '',
      href: `/machines?${new URLSearchParams({ q: `${kind.noun}=${name}` }).toString()}`,
    },
    changes: await lastChanges(desk, kind, name),
    mayChange: mayAs(visit.actor.role, 'operator'),
    done: done[queryOf(visit.request, 'done')] ?? '',
  })
}

type ShownValue = Readonly<{ label: string; value: string; from: string; isOwn: boolean }>

const rawValues = (kind: RowKind, stored: Readonly<Record<string, unknown>>): readonly ShownValue[] =>
  Object.entries(stored).flatMap(([column, value]) =>
    value === null || value === '' || column === 'name'
      ? []
      : [{ label: labelOf(kind, column), value: showValue(withoutSecrets(column, value)), from: '', isOwn: true }],
  )

function valuesOf(snapshot: Snapshot, kind: RowKind, row: AnyRow): readonly ShownValue[] {
  if (kind.table === 'profiles') return profileValues(snapshot, kind, row as Profile)
  const shown = rowWithoutSecrets(encodeRow(row))
  return kind.columns.flatMap(({ column, label }) => {
    const value = showValue(shown[column])
    return value === '' || value === '{}' ? [] : [{ label, value, from: '', isOwn: true }]
  })
}

/** What holds for machines of this profile, as far as profiles say it, and which of the chain says it. */
function profileValues(snapshot: Snapshot, kind: RowKind, profile: Profile): readonly ShownValue[] {
  const { profiles } = profileChain(snapshot, profile.name)
  const columns = kind.columns.flatMap(({ column, label }): readonly ShownValue[] => {
    if (column === 'params') return []
    const own = column === 'parent' ? [profile] : profiles
    const giver = own.find((one) => one[column as keyof Profile] !== null)
    if (giver === undefined) return []
    const value = showValue(withoutSecrets(column, giver[column as keyof Profile]))
    return [{ label, value, from: giver.name, isOwn: giver === profile }]
  })
  const names = [...new Set(profiles.flatMap(({ params }) => Object.keys(params)))]
  const params = names.flatMap((param): readonly ShownValue[] => {
    // What adds to a list holds beside that of the profiles above it, so each is shown.
    const givers = profiles.filter(({ params: own }) => Object.hasOwn(own, param))
    return (param.endsWith('+') ? givers : givers.slice(0, 1)).map((giver) => ({
      label: `params.${param}`,
      value: showValue(withoutSecrets(param, giver.params[param])),
      from: giver.name,
      isOwn: giver === profile,
    }))
  })
  return [...columns, ...params]
}

function chainOf(snapshot: Snapshot, name: string) {
  const { profiles, broken } = profileChain(snapshot, name)
  return {
    profiles: profiles.toReversed().map((one) => ({
      name: one.name,
      href: `/profiles/${encodeURIComponent(one.name)}`,
      isHere: one.name === name,
    })),
    broken: broken ?? '',
  }
}

async function lastChanges(desk: Desk, { table }: RowKind, key: string) {
  const rows = await readChanges(desk.store, { table, key, limit: mostChanges })
  return rows.map(parseChange).map((change) => ({
    ...{ revision: change.revision, at: change.at, who: change.who, token: '' },
    part: changesOf(change as RowDiff),
  }))
}

// Farms of any size for measurements: machines of one profile in networks of RFC 2544's benchmarking range.
import { join } from 'node:path'
import type { Edit } from '../../server/inventory/encode.ts'
import type { TableName } from '../../server/inventory/rows.ts'
import { parseRow } from '../../server/inventory/rows.ts'
import { migrateStore } from '../../server/inventory/store/migrations.ts'
import type { Store } from '../../server/inventory/store/open.ts'
import { recordArming, recordEdits } from '../../server/inventory/store/record.ts'

export function put(table: TableName, raw: Readonly<Record<string, unknown>>): Edit {
  const parsed = parseRow(table, raw)
  if (!parsed.ok) throw new Error(`${table}: ${JSON.stringify(parsed.errors)}`)
  return { kind: 'put', table, row: parsed.row }
}

export const hostnameOf = (index: number): string => `node${String(index).padStart(6, '0')}`
export const macOf = (index: number): string =>
  `02:00:00:${[16, 8, 0].map((shift) => ((index >>> shift) & 255).toString(16).padStart(2, '0')).join(':')}`

/** From 198.18.1.0 on: the first addresses are the server's. */
export const ipOf = (index: number): string => {
  const host = index + 255
  return `198.${18 + (host >>> 16)}.${(host >>> 8) & 255}.${host & 255}`
}

/** `count` machines, all armed when asked. */
export async function plantFarm(store: Store, count: number, armed: boolean): Promise<void> {
  await migrateStore(store)
  const edits: Edit[] = [
    put('site', { name: 'timezone', value: '"Etc/UTC"' }),
    put('networks', { name: 'bench', cidr: '198.18.0.0/15', gateway: '198.19.255.254', dns: '198.18.0.1' }),
    put('images', { name: 'el9', arch: 'x86_64', kernel: 'vmlinuz', initrd: 'initrd.img', tree_url: 'repo/el9' }),
    put('profiles', {
      name: 'el9',
      family: 'el',
      version: '9',
      arch: 'x86_64',
      template: 'el9.ks',
      image: 'el9',
      params: { packages: ['vim', 'rsync'] },
    }),
  ]
  for (let index = 1; index <= count; index++) {
    const machine = hostnameOf(index)
    edits.push(put('machines', { hostname: machine, profile: 'el9', disk: 'sda', params: { rack: `r${index % 50}` } }))
    edits.push(
      put('interfaces', {
        machine,
        name: 'eth0',
        mac: macOf(index),
        ip: ipOf(index),
        network: 'bench',
      }),
    )
  }
  await recordEdits(store, edits, 'bench')
  const names = Array.from({ length: count }, (_, index) => hostnameOf(index + 1))
  if (armed) await recordArming(store, names, { who: 'bench', now: Date.now(), expiresAt: Date.now() + 86_400_000 })
}

export const root = join(import.meta.dirname, '../..')

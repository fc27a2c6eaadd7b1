// The inventory as if machines were armed: for looking at install artefacts without arming anything.
import type { Token } from '../inventory/rows.ts'
import { noSecret } from '../inventory/rows.ts'
import { encodeRow } from '../inventory/encode.ts'
import type { RowChange, Snapshot } from '../inventory/snapshot.ts'
import { changeSnapshot } from '../inventory/snapshot.ts'

/** A snapshot in which those of the machines that are not armed are, with a token that opens nothing. */
export function previewArmed(snapshot: Snapshot, hostnames: readonly string[]): Snapshot {
  const changes = hostnames.flatMap((hostname): RowChange[] => {
    const machine = snapshot.machines.get(hostname)
    if (machine === undefined) return []
    const token: Token = {
      id: 'preview',
      machine: hostname,
      purpose: 'install',
      secret: noSecret,
      created_at: '1970-01-01T00:00:00.000Z',
      expires_at: null,
      used_at: null,
    }
    const own: Token = { ...token, id: 'preview-machine', purpose: 'machine' }
    return [
      { table: 'machines', key: hostname, raw: encodeRow({ ...machine, boot: 'install' }) },
      { table: 'tokens', key: `${hostname}/${token.id}`, raw: token },
      { table: 'tokens', key: `${hostname}/${own.id}`, raw: own },
    ]
  })
  return changeSnapshot(snapshot, changes, snapshot.revision)
}

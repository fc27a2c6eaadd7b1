// Devices of a Dom0 as the inventory knows them: the partitions that its install makes, and what its guests were given.
import { effectiveParam, profileChain } from '../inventory/profiles.ts'
import type { Machine } from '../inventory/rows.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { compareNaturally } from '../inventory/natural-order.ts'
import { vdisks } from '../inventory/vdisk.ts'

export type Dom0Device = Readonly<{
  /** `/dev/sda5`. */
  device: string
  /** Null: the inventory doesn't say. */
  mib: number | null
  /** Guests, or the Dom0 itself where it mounts it; nobody: it is free. */
  holders: readonly string[]
  /** On a disk whose partitions are known, and none of them. */
  isMissing: boolean
}>

/** Partitions first, in their order on the disk; then what else guests were given. */
export function dom0Devices(snapshot: Snapshot, dom0: Machine, guests: readonly Machine[]): readonly Dom0Device[] {
  const made = partitionsMade(snapshot, dom0)
  const own = new Set(partitionsMounted(snapshot, dom0))
  const givenTo = new Map<string, readonly string[]>()
  for (const { hostname, vdisk } of guests)
    for (const { device } of vdisks(vdisk)) givenTo.set(device, [...(givenTo.get(device) ?? []), hostname])
  const isOnDisk = (device: string): boolean => made.length > 0 && device.startsWith(partitionName(dom0, ''))
  return [
    ...made.map(({ device, mib }) => ({
      ...{ device, mib, isMissing: false },
      holders: [...(own.has(device) ? [dom0.hostname] : []), ...(givenTo.get(device) ?? [])],
    })),
    ...[...givenTo]
      .filter(([device]) => made.every((one) => one.device !== device))
      .sort(([a], [b]) => compareNaturally(a, b))
      .map(([device, holders]) => ({ device, mib: null, holders, isMissing: isOnDisk(device) })),
  ]
}

/** Of a disk whose name ends in a digit the partition's number stands behind a `p`: nvme0n1p5. */
const partitionName = ({ disk }: Machine, number: number | ''): string =>
  `/dev/${disk ?? ''}${/\d$/.test(disk ?? '') ? 'p' : ''}${number}`

/** As kickstart-templates/snippets/pre-partitions.sh numbers them: behind `extended` from 5 on. */
function partitionsMade(
  snapshot: Snapshot,
  dom0: Machine,
): readonly Readonly<{ device: string; mib: number | null }>[] {
  const sizes = paramOf(snapshot, dom0, 'create_partitions')
  if (dom0.disk === null || !Array.isArray(sizes)) return []
  let number = 0
  return sizes.flatMap((size: unknown) => {
    number++
    if (size !== 'extended') return [{ device: partitionName(dom0, number), mib: mebibytes(size) }]
    number = 4
    return []
  })
}

/** `rest` takes what is left of a disk whose size nobody knows here. */
const mebibytes = (size: unknown): number | null => {
  const mib = Number(size)
  return Number.isSafeInteger(mib) && mib > 0 ? mib : null
}

/** Those that the Dom0's own install formats: `--onpart=sda1` in its param `partitions`. */
function partitionsMounted(snapshot: Snapshot, dom0: Machine): readonly string[] {
  const lines = paramOf(snapshot, dom0, 'partitions')
  if (!Array.isArray(lines)) return []
  return lines.flatMap((line: unknown) => {
    const text = Array.isArray(line) ? line.join(' ') : typeof line === 'string' ? line : ''
    const [, name] = /--onpart[= ](?:\/dev\/)?(\S+)/.exec(text) ?? []
    return name === undefined ? [] : [`/dev/${name}`]
  })
}

const paramOf = (snapshot: Snapshot, dom0: Machine, name: string): unknown =>
  effectiveParam(snapshot, dom0, profileChain(snapshot, dom0.profile), name)

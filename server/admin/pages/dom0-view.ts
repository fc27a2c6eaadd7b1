// A Dom0 as pages draw it: CPUs, memory and devices, each in its guest's tint and with its name.
import type { Snapshot } from '../../inventory/snapshot.ts'
import type { Finding, Known } from '../../inventory/findings.ts'
import { findings } from '../../inventory/findings.ts'
import type { Machine } from '../../inventory/rows.ts'
import type { Dom0Picture } from '../../manage/dom0.ts'
import { dom0Picture } from '../../manage/dom0.ts'
import { showFindings } from './change-view.ts'

/** The style sheet has so many tints; the ninth guest has the first one's. */
const tints = 8

export type Dom0View = ReturnType<typeof dom0View>

/** What the style sheet knows a guest by; the Dom0 itself, and a CPU of several, have none. */
type TintOf = (holders: readonly string[]) => string

export function dom0View(snapshot: Snapshot, known: Known, dom0: Machine) {
  const picture = dom0Picture(snapshot, dom0)
  const { hostname, guests, cpus, free, unpinned, vcpus } = picture
  const places = new Map(guests.map((guest, index) => [guest.hostname, index % tints]))
  const tintOf: TintOf = ([only = '', ...others]) => {
    const place = others.length > 0 ? undefined : places.get(only)
    return place === undefined ? '' : `tint-${place}`
  }
  return {
    ...{ hostname, vcpus, free, unpinned },
    guests: guests.map((guest) => ({ ...guest, tint: tintOf([guest.hostname]) })),
    cpus: cpus.map((cpu) => ({
      ...cpu,
      kind: cpu.holders.length === 0 ? 'free' : cpu.holders.length > 1 ? 'shared' : tintOf(cpu.holders),
    })),
    memory: memoryView(picture, tintOf),
    storage: storageView(picture, tintOf),
    wrong: showFindings(wrongWith(snapshot, known, [dom0, ...guests])),
  }
}

const wrongWith = (snapshot: Snapshot, known: Known, machines: readonly Machine[]): readonly Finding[] =>
  machines.flatMap(({ hostname }) => findings(snapshot, hostname, known))

/** Widths in thousandths of the bar: of what there is, or of what is wanted when that is more. */
function memoryView({ hostname, memory }: Dom0Picture, tintOf: TintOf) {
  const { totalMiB, keptMiB, parts, freeMiB } = memory
  const given = parts.reduce((sum, { mib }) => sum + mib, keptMiB)
  const whole = Math.max(totalMiB ?? 0, given, 1)
  const bars: { name: string; mib: number; tint: string; x: number; width: number }[] = []
  let x = 0
  for (const { guest, mib } of [{ guest: hostname, mib: keptMiB }, ...parts]) {
    const width = Math.round((1000 * mib) / whole)
    bars.push({ name: guest, mib, tint: tintOf([guest]), x, width })
    x += width
  }
  const end = totalMiB === null ? null : Math.round((1000 * totalMiB) / whole)
  return { totalMiB, freeMiB, given, bars, end, isShort: freeMiB !== null && freeMiB < 0 }
}

/** Each device by its size, as far as that is known: widths in thousandths of all that is. */
function storageView({ hostname, devices, disks }: Dom0Picture, tintOf: TintOf) {
  const whole = devices.reduce((sum, { mib }) => sum + (mib ?? 0), 0)
  const bars: { tint: string; isFree: boolean; x: number; width: number }[] = []
  let x = 0
  for (const { mib, holders } of devices) {
    if (mib === null) continue
    const width = Math.round((1000 * mib) / whole)
    bars.push({ tint: tintOf(holders), isFree: holders.length === 0, x, width })
    x += width
  }
  return {
    bars,
    free: devices.filter(({ holders }) => holders.length === 0).map(({ device }) => device),
    devices: devices.map(({ device, mib, holders, isMissing }) => ({
      ...{ device, mib, isMissing },
      holders: holders.map((name) => ({ name, tint: tintOf([name]), isItself: name === hostname })),
      targets: disks.flatMap((disk) => (disk.device === device && disk.target !== null ? [disk.target] : [])),
    })),
  }
}

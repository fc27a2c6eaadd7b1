// The data-quality report of the index of the farm: what allFindings() finds by looking at every machine.
import type { Finding } from '../inventory/findings.ts'
import { findingsOfNoMachine, strayInterfaces } from '../inventory/findings.ts'
import { inSlices, merged } from '../inventory/slices.ts'
import { compareNaturally } from '../inventory/natural-order.ts'
import type { FarmIndex } from './farm-index.ts'

/** By machine; those of rows that no machine is come last. */
export const findingsInOrder = (index: FarmIndex): Promise<readonly Finding[]> => inSlices(ordered(index))

function* ordered({ snapshot, entries, places, found, strays }: FarmIndex): Generator<void, readonly Finding[]> {
  const machines: string[] = []
  for (const { machine } of entries) if (found.has(machine.hostname)) machines.push(machine.hostname)
  yield
  const others = [...new Set([...found.keys(), ...strays])].filter((name) => !places.has(name)).sort(compareNaturally)
  const names = yield* merged(machines, others, compareNaturally)
  const all: Finding[] = []
  for (const name of names) {
    all.push(...(found.get(name) ?? []), ...strayInterfaces(snapshot, name))
    yield
  }
  return [...all, ...findingsOfNoMachine(snapshot)]
}

// CPU sets as Xen writes them: `2-3`, `0,4-5`.
declare const brand: unique symbol
/** Canonical text of a CPU set: ascending, ranges joined (`0,2-3`). */
export type CpuSet = string & { readonly [brand]: 'CpuSet' }

export function parseCpus(text: string): CpuSet | null {
  const numbers = new Set<number>()
  for (const part of text.split(',')) {
    const range = /^\s*(\d{1,4})(?:\s*-\s*(\d{1,4}))?\s*$/.exec(part)
    if (range === null) return null
    const first = Number(range[1])
    const last = Number(range[2] ?? range[1])
    if (last < first) return null
    for (let cpu = first; cpu <= last; cpu++) numbers.add(cpu)
  }
  return formatCpus([...numbers])
}

export function cpuNumbers(cpus: CpuSet): readonly number[] {
  const numbers: number[] = []
  for (const part of cpus.split(',')) {
    const dash = part.indexOf('-')
    const first = Number(dash < 0 ? part : part.slice(0, dash))
    const last = dash < 0 ? first : Number(part.slice(dash + 1))
    for (let cpu = first; cpu <= last; cpu++) numbers.push(cpu)
  }
  return numbers
}

/** '' of none, which no column holds. */
export function formatCpus(numbers: readonly number[]): CpuSet {
  const sorted = numbers.toSorted((a, b) => a - b)
  const parts: [number, number][] = []
  for (const cpu of sorted) {
    const open = parts.at(-1)
    if (open !== undefined && open[1] === cpu - 1) open[1] = cpu
    else parts.push([cpu, cpu])
  }
  return parts.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',') as CpuSet
}

// Many host names in few words: the opposite of expandRange().
import { atOnce, sorted } from '../inventory/slices.ts'
import { compareNaturally } from '../inventory/natural-order.ts'

/** acas0001, acas0002, acas0003, web → `acas[0001-0003], web`. */
export const foldNames = (names: readonly string[]): string => atOnce(foldingNames(names))

/** The same of very many, for who answers others meanwhile. */
export function* foldingNames(names: readonly string[]): Generator<void, string> {
  const families = new Map<string, { head: string; numbers: string[]; tail: string }>()
  const folded: string[] = []
  for (const name of yield* sorted(new Set(names), compareNaturally)) {
    yield
    const parts = /^(.*?)(\d+)(\D*)$/.exec(name)
    if (parts === null) {
      folded.push(name)
      continue
    }
    const [, head = '', number = '', tail = ''] = parts
    const familyOf = (width: number): string => `${head}[${width}]${tail}`
    // Without leading zeros 9 and 10 belong together; 1000 is of the family of 0999, which came before.
    const isPadded = /^0\d/.test(number) || families.has(familyOf(number.length))
    const family = familyOf(isPadded ? number.length : 0)
    const known = families.get(family)
    if (known === undefined) families.set(family, { head, numbers: [number], tail })
    else known.numbers.push(number)
  }
  for (const { head, numbers, tail } of families.values())
    folded.push(
      numbers.length === 1 ? `${head}${numbers.join('')}${tail}` : `${head}[${yield* foldNumbers(numbers)}]${tail}`,
    )
  return (yield* sorted(folded, compareNaturally)).join(', ')
}

/** Ascending numbers of one width: 0001, 0002, 0005 → `0001-0002,0005`. */
function* foldNumbers(numbers: readonly string[]): Generator<void, string> {
  const runs: { first: string; last: string }[] = []
  for (const number of numbers) {
    yield
    const run = runs.at(-1)
    if (run !== undefined && BigInt(run.last) + 1n === BigInt(number)) run.last = number
    else runs.push({ first: number, last: number })
  }
  return runs.map(({ first, last }) => (first === last ? first : `${first}-${last}`)).join(',')
}

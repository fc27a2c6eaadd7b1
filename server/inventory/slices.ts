// Long computations beside doors that have to answer: generators that yield wherever they may be interrupted.

/** For so long, when its steps are small, a computation keeps everybody waiting; then others have their turn. */
const sliceMs = 10

/** What work calls between its steps, and waits for: others have a turn when it has gone on for that long. */
export function turnTaking(): () => Promise<void> {
  let until = performance.now() + sliceMs
  return async () => {
    if (performance.now() < until) return
    await new Promise((resolve) => setImmediate(resolve))
    until = performance.now() + sliceMs
  }
}

/** Runs it to its end, with a turn of the event loop after each slice. */
export async function inSlices<T>(steps: Generator<void, T>): Promise<T> {
  let until = performance.now() + sliceMs
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (performance.now() < until) continue
    await new Promise((resolve) => setImmediate(resolve))
    until = performance.now() + sliceMs
  }
}

/** All at once, where nobody else waits. */
export function atOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/**
 * What is in a large map, to be gone through in slices. By forEach(), which takes a tenth of what its iterators take, into
 * arrays that are there: while V8 marks what lives, whoever allocates much in one go waits for it again and again.
 */
export function listed<K, V>(map: ReadonlyMap<K, V>): Readonly<{ keys: readonly K[]; values: readonly V[] }> {
  const [keys, values] = [new Array<K>(map.size), new Array<V>(map.size)]
  let at = 0
  map.forEach((value, key) => {
    keys[at] = key
    values[at++] = value
  })
  return { keys, values }
}

export function* mapped<A, B>(items: readonly A[], change: (item: A) => B): Generator<void, readonly B[]> {
  const all: B[] = []
  for (const item of items) {
    all.push(change(item))
    yield
  }
  return all
}

/** Between two looks at the clock at most so much is done that costs next to nothing. */
const [runLength, mergedPerStep] = [500, 2000]

/** All in order, equal ones as they came. */
export function* sorted<T>(items: Iterable<T>, compare: (a: T, b: T) => number): Generator<void, readonly T[]> {
  const all = [...items]
  let runs: (readonly T[])[] = []
  for (let from = 0; from < all.length; from += runLength) {
    runs.push(all.slice(from, from + runLength).sort(compare))
    yield
  }
  while (runs.length > 1) {
    const longer: (readonly T[])[] = []
    for (let from = 0; from < runs.length; from += 2)
      longer.push(yield* merged(runs[from] ?? [], runs[from + 1] ?? [], compare))
    runs = longer
  }
  return runs[0] ?? []
}

/** Two that are in order as one; of equal ones those of the first come first. */
export function* merged<T>(
  one: readonly T[],
  other: readonly T[],
  compare: (a: T, b: T) => number,
): Generator<void, readonly T[]> {
  const all: T[] = []
  let next = 0
  for (const item of one) {
    for (let own = other[next]; own !== undefined && compare(own, item) < 0; own = other[++next]) all.push(own)
    if (all.push(item) % mergedPerStep === 0) yield
  }
  return next === 0 ? all.concat(other) : all.concat(other.slice(next))
}

/** The first so many of them in order: each is looked at once, few are moved. */
export function* firstOf<T>(
  items: Iterable<T>,
  most: number,
  compare: (a: T, b: T) => number,
): Generator<void, readonly T[]> {
  let kept: T[] = []
  let last: T | undefined
  for (const item of items) {
    yield
    if (last !== undefined && compare(item, last) >= 0) continue
    kept.push(item)
    if (kept.length < 2 * most) continue
    kept = kept.sort(compare).slice(0, most)
    last = kept.at(-1)
  }
  return (yield* sorted(kept, compare)).slice(0, most)
}

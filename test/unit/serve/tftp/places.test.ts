import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { openPlaces, type Places, type TftpLimits } from '../../../../server/serve/tftp/places.ts'

type Holder = Readonly<{ name: string; client: string }>
const limits: TftpLimits = { transfers: 3, transfersPerClient: 2, waiting: 10, waitMs: 60_000 }

function opened(given: Partial<TftpLimits> = {}, idle: ReadonlySet<string> = new Set()) {
  const said: string[] = []
  const places: Places<Holder> = openPlaces<Holder>(
    { ...limits, ...given },
    {
      clientOf: ({ client }) => client,
      begin: ({ name }) => said.push(`begin ${name}`),
      refuse: ({ name }) => said.push(`refuse ${name}`),
      isIdle: ({ name }) => idle.has(name),
      evict: (holder) => {
        said.push(`evict ${holder.name}`)
        places.leave(holder)
      },
    },
  )
  const holder = (name: string): Holder => ({ name, client: name[0] ?? '' })
  const [a1, a2, a3, b1, b2, c1] = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map(holder) as [
    Holder,
    Holder,
    Holder,
    Holder,
    Holder,
    Holder,
  ]
  return { places, said, a1, a2, a3, b1, b2, c1 }
}

describe('places', () => {
  test('a client that has had its share waits, and another goes before it', () => {
    const { places, said, a1, a2, a3, b1 } = opened()
    for (const holder of [a1, a2, a3, b1]) places.ask(holder)
    assert.deepEqual(said, ['begin a1', 'begin a2', 'begin b1'])
    places.leave(b1) // which is of no use to a3
    assert.equal(said.length, 3)
    places.leave(a1)
    assert.deepEqual(said.slice(3), ['begin a3'])
    for (const holder of [a2, a3]) places.leave(holder)
    assert.equal(places.taken(), 0)
  })

  test('who leaves while waiting is not called', () => {
    const { places, said, a1, a2, a3 } = opened()
    for (const holder of [a1, a2, a3]) places.ask(holder)
    places.leave(a3)
    places.leave(a1)
    assert.deepEqual(said, ['begin a1', 'begin a2'])
  })

  test('leaving twice gives back one place', () => {
    const { places, said, a1, a2, a3, b1, b2 } = opened({ transfers: 2 })
    for (const holder of [a1, a2, b1, b2]) places.ask(holder)
    places.leave(a1)
    places.leave(a1)
    assert.deepEqual(said, ['begin a1', 'begin a2', 'begin b1'])
    places.leave(a3) // never asked
    assert.equal(places.taken(), 2)
    for (const holder of [b2, a2, b1]) places.leave(holder)
  })

  test('when too many wait a request is refused at once', () => {
    const { places, said, a1, a2, a3 } = opened({ waiting: 0 })
    for (const holder of [a1, a2, a3]) places.ask(holder)
    assert.deepEqual(said, ['begin a1', 'begin a2', 'refuse a3'])
  })

  test('who has waited for long enough is refused, once', async () => {
    const { places, said, a1, a2, a3 } = opened({ waitMs: 1 })
    for (const holder of [a1, a2, a3]) places.ask(holder)
    await until(() => said.includes('refuse a3'))
    places.leave(a1)
    assert.deepEqual(said, ['begin a1', 'begin a2', 'refuse a3'])
  })

  test('while somebody waits the idle that are in the way are evicted, others stay', async () => {
    const { places, said, a1, a2, a3, b1 } = opened({ transfers: 10 }, new Set(['a2', 'b1']))
    for (const holder of [a1, a2, b1, a3]) places.ask(holder)
    await until(() => said.includes('begin a3'))
    assert.deepEqual(said, ['begin a1', 'begin a2', 'begin b1', 'evict a2', 'begin a3'])
  })

  test('when all places are taken anybody idle is in the way', async () => {
    const { places, said, a1, b1, c1 } = opened({ transfers: 2 }, new Set(['b1']))
    for (const holder of [a1, b1, c1]) places.ask(holder)
    await until(() => said.includes('begin c1'))
    assert.deepEqual(said, ['begin a1', 'begin b1', 'evict b1', 'begin c1'])
  })

  test('whatever the order of asking and leaving, the bounds hold and nobody who could begin is kept waiting', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 8 })), { maxLength: 100 })
    fc.assert(
      fc.property(steps, (asked) => {
        const running = new Set<number>()
        const waiting = new Set<number>()
        const clientOf = (holder: number): string => String(holder % 3)
        const places = openPlaces<number>(limits, {
          clientOf,
          begin: (holder) => {
            waiting.delete(holder)
            running.add(holder)
          },
          refuse: () => assert.fail('refused'),
          isIdle: () => false,
          evict: () => assert.fail('evicted'),
        })
        const ofClient = (client: string): number => [...running].filter((holder) => clientOf(holder) === client).length
        for (const [isAsking, holder] of asked) {
          const isKnown = running.has(holder) || waiting.has(holder)
          if (isAsking && !isKnown) {
            waiting.add(holder)
            places.ask(holder)
          } else if (!isAsking) {
            running.delete(holder)
            waiting.delete(holder)
            places.leave(holder)
          }
          assert.ok(running.size <= 3 && ['0', '1', '2'].every((client) => ofClient(client) <= 2))
          if (running.size < 3) for (const other of waiting) assert.equal(ofClient(clientOf(other)), 2)
          assert.equal(places.taken(), running.size)
        }
        for (const holder of [...waiting, ...running]) places.leave(holder)
      }),
    )
  })
})

async function until(condition: () => boolean): Promise<void> {
  for (let round = 0; round < 5000 && !condition(); round++) await new Promise((later) => setTimeout(later, 2))
  assert.ok(condition(), 'it did not happen within ten seconds')
}

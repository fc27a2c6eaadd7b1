import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { pino } from 'pino'
import { followPlaces, type FollowedPlaces } from '../../../../server/serve/udp/follow-places.ts'
import { closeNodeSocket, openNodeSocket } from '../../../../server/serve/udp/node-socket.ts'

const EVERYWHERE = ['127.0.0.1', '127.0.0.2', '127.0.0.3']

type Said = Readonly<{ msg: string }>

/** Follows whatever `places` holds, a look every few milliseconds. */
async function following(
  t: TestContext,
  places: readonly string[],
): Promise<
  Readonly<{
    followed: FollowedPlaces
    said: Said[]
    looks: () => number
    set: (places: readonly string[]) => void
  }>
> {
  let present = places
  let looks = 0
  const said: Said[] = []
  const followed = await followPlaces({
    port: 0,
    places: () => {
      looks++
      return present
    },
    keyOf: (place) => place,
    open: (address, port, interfaces) => {
      assert.ok(interfaces()['lo'])
      return openNodeSocket({ type: 'udp4' }, { address, port }).catch((cause: unknown) => {
        throw new Error(`listen on ${address}`, { cause })
      })
    },
    isNotYetThere: (code) => code === 'EADDRNOTAVAIL',
    name: 'test',
    log: pino({}, { write: (line: string) => said.push(JSON.parse(line) as Said) }),
    lookMs: 5,
  })
  t.after(() => followed.close())
  return { followed, said, looks: () => looks, set: (next) => (present = next) }
}

async function isFree(address: string, port: number): Promise<boolean> {
  try {
    await closeNodeSocket(await openNodeSocket({ type: 'udp4' }, { address, port }))
    return true
  } catch {
    return false
  }
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await new Promise((later) => setTimeout(later, 5))
}

const freeAt = (port: number): Promise<readonly boolean[]> =>
  Promise.all(EVERYWHERE.map((address) => isFree(address, port)))

describe('places that are followed', () => {
  test('all have the port that the first chose; one that comes is opened, one that goes is closed', async (t) => {
    const { followed, set } = await following(t, ['127.0.0.1', '127.0.0.2'])
    assert.deepEqual(await freeAt(followed.port), [false, false, true])
    set(['127.0.0.1', '127.0.0.3'])
    await until(async () => (await freeAt(followed.port)).join() === 'false,true,false')
    await followed.close()
    assert.deepEqual(await freeAt(followed.port), [true, true, true])
  })

  test('a place that is not yet there is tried again, and the log says so once', async (t) => {
    const { said, looks } = await following(t, ['127.0.0.1', '192.0.2.77'])
    await until(() => looks() > 3)
    assert.deepEqual(
      said.map(({ msg }) => msg),
      ['test can not listen here; trying again'],
    )
  })

  test('a place that can not be had at the start is an error, and what was open is closed', async (t) => {
    const other = await openNodeSocket({ type: 'udp4' }, { address: '127.0.0.2', port: 0 })
    t.after(() => closeNodeSocket(other))
    const { port } = other.address()
    await assert.rejects(
      followPlaces({
        port,
        places: () => EVERYWHERE,
        keyOf: (place) => place,
        open: (address, at) => openNodeSocket({ type: 'udp4' }, { address, port: at }),
        isNotYetThere: () => false,
        name: 'test',
        log: pino({ level: 'silent' }),
      }),
      { code: 'EADDRINUSE' },
    )
    assert.deepEqual(await freeAt(port), [true, false, true])
  })
})

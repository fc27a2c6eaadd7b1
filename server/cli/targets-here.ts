// Files for the daemons of this host.
import { pictureOf } from '../manage/desk.ts'
import { attempt, describeFailure } from '../manage/outcomes.ts'
import { generateOne, lookAt, pastOf, rollBackOne } from '../manage/targets.ts'
import { listGenerations } from '../serve/disk/rollback.ts'
import { diskTarget } from '../serve/generate.ts'
import { fail } from './failure.ts'
import { once } from './once.ts'
import type { Session } from './session.ts'
import type { TargetVerbs } from './site.ts'

export function targetsHere(session: Session): TargetVerbs {
  const readOnce = (must?: 'be current') =>
    once(async () => {
      const [desk, snapshot] = [await session.desk(), await session.loadSnapshot(must)]
      return { picture: await pictureOf(desk, snapshot), past: pastOf(desk.store, snapshot) }
    })
  /** All targets are made of one picture. */
  const [now, current] = [readOnce(), readOnce('be current')]
  return {
    configured: () => Promise.resolve([...session.config().targets].map(([target, place]) => ({ target, place }))),
    look: async (one, isDiff) => {
      const { picture, past } = await now()
      return attempt(one, () => lookAt(one, picture, { past, verify: true, isTold: false }, isDiff))
    },
    generate: async (one, options) => {
      const { picture, past } = await current()
      return attempt(one, () => generateOne(one, picture, { past, verify: true, ...options }))
    },
    generations: ({ target, place }) => listGenerations(diskTarget(target, place)),
    rollBack: (one, to, options) =>
      rollBackOne(one, to, { ...options, now: new Date(session.io.now()) }).catch((error: unknown) =>
        fail(`${one.target}: ${describeFailure(error)}`),
      ),
  }
}

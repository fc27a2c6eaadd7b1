// Files for the daemons of the server's host, which the server writes.
import { target, targetOutcome } from '../admin/api/schemas.ts'
import { outcomeSent } from '../manage/outcomes.ts'
import type { ChosenTarget } from '../manage/targets.ts'
import type { TargetName } from '../render/targets.ts'
import type { Generation } from '../serve/disk/manifest.ts'
import { listed, shaped } from './api-answer.ts'
import type { ApiClient } from './api-client.ts'
import type { PublishOptions, TargetVerbs } from './site.ts'

type ListedTarget = Readonly<{
  target: TargetName
  folder: string
  check: boolean
  main: string | null
  generations: readonly Generation[]
}>

export function targetsRemote({ ask }: ApiClient): TargetVerbs {
  const list = async (): Promise<readonly ListedTarget[]> =>
    (await ask('GET', '/targets', listed<ListedTarget>(target))).items
  const outcome = shaped<object>(targetOutcome)
  return {
    configured: async () => (await list()).map(placed),
    look: async (one, isDiff) =>
      outcomeSent(one, await ask('GET', `/targets/${one.target}/check`, outcome, { query: { diff: String(isDiff) } })),
    generate: async (one, options) =>
      outcomeSent(one, await ask('POST', `/targets/${one.target}/generate`, outcome, { body: bodyOf(one, options) })),
    generations: async (one) => (await list()).find(({ target: name }) => name === one.target)?.generations ?? [],
    rollBack: async (one, to, options) => {
      const body = { ...bodyOf(one, options), ...(to === null ? {} : { to }) }
      return outcomeSent(one, await ask('POST', `/targets/${one.target}/rollback`, outcome, { body }))
    },
  }
}

/** How its daemon is told is the server's business. */
const placed = ({ target: name, folder, check, main }: ListedTarget): ChosenTarget => ({
  target: name,
  place: { folder, check, main, reload: null, restart: null, controlSocket: null },
})

const bodyOf = ({ place }: ChosenTarget, { adopt, isTold }: PublishOptions): object => ({
  adopt: [...adopt],
  check: place.check,
  reload: isTold,
})

// What /healthz says: all is well, or what it is that isn't.
import type { Health } from './http/app.ts'
import type { Live } from './live.ts'
import type { Mirror } from './mirror.ts'
import type { Regeneration } from './regenerate.ts'

export function healthOf(
  live: Pick<Live, 'snapshot' | 'health'>,
  mirror: Pick<Mirror, 'health'> | null,
  regeneration: Pick<Regeneration, 'health'> | null,
): Health {
  const { revision, machines } = live.snapshot()
  const inventory = live.health()
  const views = mirror?.health() ?? null
  const targets = [...(regeneration?.health() ?? [])]
  const isWell = inventory.ok && views?.ok !== false && targets.every(([, why]) => why === null)
  return {
    status: isWell ? 'ok' : 'degraded',
    revision,
    machines: machines.size,
    inventory: inventory.ok ? 'ok' : `away since ${inventory.since}: ${inventory.error}`,
    ...(views === null ? {} : { views: views.ok ? 'ok' : `not followed since ${views.since}: ${views.error}` }),
    ...(regeneration === null
      ? {}
      : { targets: Object.fromEntries(targets.map(([target, why]) => [target, why ?? 'ok'])) }),
  }
}

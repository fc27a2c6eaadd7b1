// What makes each daemon take up what was published for it.
import { uptakeOf } from '../render/daemons/check.ts'
import type { TargetName } from '../render/targets.ts'
import type { CommandOutcome } from './disk/command.ts'
import { runCommand } from './disk/command.ts'
import type { ReloadWay } from './disk/reload.ts'
import type { Place } from './generate.ts'
import { reloadKea } from './kea-control.ts'

/** A dnsmasq with 100,000 hosts starts for 45 s. */
const timeoutMs = 120_000

/** Null when nobody is to be told. Kea's control socket is asked before a command is run: it says whether it worked. */
export function reloadWay(target: TargetName, { reload, restart, controlSocket }: Place): ReloadWay | null {
  if (reload === null && restart === null && controlSocket === null) return null
  return (changed) => {
    const uptake = uptakeOf(target, changed)
    if (uptake === 'nothing') return null
    if (controlSocket !== null) return () => reloadKea(controlSocket)
    const argv = uptake === 'restart' ? (restart ?? reload) : (reload ?? restart) // either does, if it is the only one
    return argv === null ? null : () => runNamed(argv)
  }
}

/** Which of the two commands it was belongs to the outcome. */
async function runNamed(argv: readonly string[]): Promise<CommandOutcome> {
  const outcome = await runCommand({ argv, timeoutMs, package: null })
  return { ...outcome, how: `${argv.join(' ')}: ${outcome.how}` }
}

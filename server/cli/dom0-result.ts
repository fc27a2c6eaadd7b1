// What came of a command on a Dom0, in words. Pure.
import type { Snapshot } from '../inventory/snapshot.ts'
import { storiesOf } from '../manage/groups.ts'
import { hidden } from '../inventory/secrets.ts'
import type { SshOutcome, SshResult } from './ssh.ts'
import { count } from './table.ts'

export type Dom0Result = SshResult & Readonly<{ hostname: string }>

/** Output in which the tokens of a Dom0 and its guests can't be read, for guest configurations and menus have them. */
export function withoutTokens(snapshot: Snapshot, hostname: string, output: string): string {
  const secrets = [hostname, ...(snapshot.guests.get(hostname) ?? [])].flatMap((name) =>
    (snapshot.tokens.get(name) ?? []).map(({ secret }) => secret),
  )
  return secrets.reduce((text, secret) => text.replaceAll(secret, hidden), output)
}

/** `acas0001  ok      3 guests, as http://192.0.2.1 has them  1.2 s` */
export function describeResult(result: Dom0Result, width: number, outputFollows: boolean): string {
  const { hostname, outcome, seconds } = result
  const last = outputFollows ? '' : (linesOf(result.output).findLast((line) => line.trim() !== '') ?? '')
  const why = whyNot(hostname, outcome)
  const text = [why, outcome.kind === 'ok' || outcome.kind === 'failed' ? last : null].filter(Boolean).join(': ')
  const parts = [hostname.padEnd(width), why === null ? 'ok    ' : 'FAILED', text, `${seconds.toFixed(1)} s`]
  return parts.filter((part) => part !== '').join('  ')
}

function whyNot(hostname: string, outcome: SshOutcome): string | null {
  switch (outcome.kind) {
    case 'ok':
      return null
    case 'failed':
      return `exit status ${outcome.status}`
    case 'no-connection':
      return `no connection: ${printable(outcome.why)}`
    case 'unknown-host-key':
      return `its host key is not known here; compare it, then add it: ssh-keyscan ${hostname} >>~/.ssh/known_hosts`
    case 'changed-host-key':
      return `its host key is not the one known here; if it was reinstalled: ssh-keygen -R ${hostname}, then compare and add the new one: ssh-keyscan ${hostname} >>~/.ssh/known_hosts`
    case 'timeout':
      return 'not done in time; ssh was ended, the command may go on there'
    case 'interrupted':
      return 'interrupted; the command may go on there'
  }
}

/** Each line behind the machine's name, so that `grep` knows whose it is. */
export function describeOutput({ hostname, output }: Dom0Result): string {
  return linesOf(output)
    .map((line) => `${hostname} | ${line}`)
    .join('\n')
}

function linesOf(output: string): readonly string[] {
  return output
    .trimEnd()
    .split(/\r\n|[\r\n]/)
    .map(printable)
}

/** What comes from another machine may not move this terminal's cursor. */
const printable = (text: string): string => text.replaceAll(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, '')

/** Undefined: it was not begun. */
type Ending = SshOutcome | undefined

const headings: Readonly<Record<Exclude<SshOutcome['kind'], 'ok' | 'failed'>, string>> = {
  'no-connection': 'no connection',
  'unknown-host-key': 'host key not known',
  'changed-host-key': 'host key changed',
  timeout: 'not done in time',
  interrupted: 'interrupted',
}

/** `failed on 2 of 12 Dom0s:`, then a line for each way to fail: `  exit status 3: acas[0003,0007]`. Empty: none did. */
export function describeFailures(endings: readonly (readonly [hostname: string, ending: Ending])[]): readonly string[] {
  const failed = endings.flatMap(([hostname, ending]): readonly (readonly [string, string])[] => {
    if (ending === undefined) return [[hostname, 'not begun']]
    if (ending.kind === 'ok') return []
    return [[hostname, ending.kind === 'failed' ? `exit status ${ending.status}` : headings[ending.kind]]]
  })
  if (failed.length === 0) return []
  const lines = storiesOf(failed).map(({ folded, text }) => `  ${text}: ${folded}`)
  return [`failed on ${failed.length} of ${count(endings.length, 'Dom0')}:`, ...lines]
}

export function resultAsJson(hostname: string, result: Dom0Result | undefined): object {
  if (result === undefined) return { hostname, outcome: 'not-begun', status: null, why: null, seconds: 0, output: '' }
  const { outcome, seconds, output } = result
  return {
    hostname,
    outcome: outcome.kind,
    status: outcome.kind === 'failed' ? outcome.status : outcome.kind === 'ok' ? 0 : null,
    why: outcome.kind === 'failed' ? null : whyNot(hostname, outcome),
    seconds: Math.round(seconds * 1000) / 1000,
    output,
  }
}

// What a machine said, as it may be kept and shown: plain text, and no token in it.
import type { Token } from '../../inventory/rows.ts'
import type { Snapshot } from '../../inventory/snapshot.ts'

/** ECMA-48 §5.4 control sequences, §5.6 control strings, and ISO 2022 escapes. */
const escapes =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[ -/]*[0-~]/g

/**
 * What a terminal would show in the end: of a line that was written over, the last; no control characters but tabs, and
 * none of those that turn the direction of text (UAX #9 §2), by which a line reads as another.
 */
function plainText(text: string): string {
  const shown = text
    .replaceAll(escapes, '')
    .split('\n')
    .map((line) => line.split('\r').findLast((part) => part !== '') ?? '')
  return shown.join('\n').replaceAll(/[^\P{Cc}\n\t]|\p{Bidi_Control}/gu, '')
}

/** A log often shows the kernel's command line, and that has a token: the machine's, its guest's, or its Dom0's. */
function tokensAround(snapshot: Snapshot, hostname: string): readonly Token[] {
  const dom0 = snapshot.machines.get(hostname)?.dom0 ?? null
  const names = [hostname, ...(dom0 === null ? [] : [dom0]), ...(snapshot.guests.get(hostname) ?? [])]
  return names.flatMap((name) => snapshot.tokens.get(name) ?? [])
}

/** A shorter piece of a token is no help to anybody who guesses. */
const shortestPiece = 4

/** A tail begins, and a log ends, wherever it may: in the middle of a token too. */
function withoutToken(text: string, { secret }: Token): string {
  const pieces = Array.from({ length: Math.max(0, secret.length - shortestPiece) }, (_, cut) => cut + 1)
  const whole = text.replaceAll(secret, '(token)')
  const cutOff = pieces.map((cut) => secret.slice(cut)).find((piece) => whole.startsWith(piece))
  const tail = cutOff === undefined ? whole : `(token)${whole.slice(cutOff.length)}`
  const begun = pieces.map((cut) => secret.slice(0, -cut)).find((piece) => tail.endsWith(piece))
  return begun === undefined ? tail : `${tail.slice(0, -begun.length)}(token)`
}

/** Text that `hostname`, or its Dom0 for it, reported. */
export function reportedText(snapshot: Snapshot, hostname: string, text: string): string {
  return tokensAround(snapshot, hostname).reduce(withoutToken, plainText(text))
}

const mostConsole = 16_384

/** The same of a console: of more than is kept, the end. */
export function consoleTail(snapshot: Snapshot, hostname: string, text: string): string {
  return reportedText(snapshot, hostname, text).slice(-mostConsole)
}

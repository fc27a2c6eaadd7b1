// Log lines for a person at a terminal: time, level, message, then what belongs to it.
import type { DestinationStream } from 'pino'

const levels: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'ERROR',
  60: 'FATAL',
}

/** A pino destination that writes text instead of JSON. */
export function textLog(write: (text: string) => void): DestinationStream {
  return { write: (line) => write(`${toText(line)}\n`) }
}

function toText(line: string): string {
  const { level, time, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>
  const clock = new Date(Number(time)).toISOString().slice(11, 23)
  const fields = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? quoteIfNeeded(value) : JSON.stringify(value)}`,
  )
  const reason = err === undefined ? [] : [`: ${(err as { message?: string }).message ?? ''}`]
  return [
    clock,
    (levels[Number(level)] ?? String(level)).padEnd(5),
    `${String(msg)}${reason.join('')}`,
    ...fields,
  ].join(' ')
}

const quoteIfNeeded = (text: string): string => (/[\s"=]/.test(text) ? JSON.stringify(text) : text)

// How one value from a flag, the environment or YAML is read: text in the first two, anything in the third.
import { z } from 'zod'

/** Read by `read`, which gives undefined for what it can't understand. */
export function setting<T>(expected: string, read: (value: unknown) => T | undefined) {
  return z.unknown().transform((value, context): T => {
    const understood = read(value)
    if (understood !== undefined) return understood
    context.addIssue({ code: 'custom', message: `expected ${expected}` })
    return z.NEVER
  })
}

export const wholeNumber = (min: number, max: number, what: string) =>
  setting(`${what} from ${min} to ${max}`, (value) => {
    const number = typeof value === 'string' && /^\s*\d+\s*$/.test(value) ? Number(value) : value
    return typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max ? number : undefined
  })

export const oneOf = <T extends string>(allowed: readonly T[]) =>
  setting(`one of ${allowed.join(', ')}`, (value) => allowed.find((one) => one === value))

export const text = (what: string) =>
  setting(what, (value) => (typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined))

const yesOrNo = new Map<unknown, boolean>([
  ...[true, 'true', 'yes', 'on', '1', 1].map((word) => [word, true] as const),
  ...[false, 'false', 'no', 'off', '0', 0].map((word) => [word, false] as const),
])

export const trueOrFalse = setting('true or false', (value) => yesOrNo.get(value))

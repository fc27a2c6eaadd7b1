// What a request is refused for, as the ERROR that says so.

import { ERROR_CODE, type ErrorCode, type RequestPacket } from './packet.ts'

export type Refusal = Readonly<{ code: ErrorCode; message: string }>

export const refusal = (code: keyof typeof ERROR_CODE, message: string): Refusal => ({
  code: ERROR_CODE[code],
  message,
})

/** What can be refused before asking for the file. The resolver has the last word on paths; these none may get past. */
export function refusalOfRequest({ path, mode }: RequestPacket): Refusal | null {
  if (withoutLeadingSlashes(path) === '') return refusal('fileNotFound', 'the request names no file')
  if (/[\p{Cc}\\]/u.test(path)) return refusal('accessViolation', 'backslash or control character in the path')
  if (path.split('/').includes('..')) return refusal('accessViolation', 'the path leads upwards')
  if (mode !== 'octet' && mode !== 'netascii') {
    return refusal('illegalOperation', 'modes are octet and netascii') // `mail`: RFC 1350 §1, obsolete
  }
  return null
}

export const withoutLeadingSlashes = (path: string): string => path.replace(/^\/+/, '')

/** PXELINUX and GRUB ask one machine's way through dozens of names, and one address may hide a rack. */
const REFUSALS_A_SECOND = 200

/** Whether another ERROR may go to an address now: to a forged one it is a nuisance, so there is a bound. */
export function refusalLimit(): (address: string | number) => boolean {
  const told = new Map<string | number, number>()
  let second = 0
  return (address) => {
    const now = Math.floor(performance.now() / 1000)
    if (now !== second) told.clear()
    second = now
    const count = (told.get(address) ?? 0) + 1
    told.set(address, count)
    return count <= REFUSALS_A_SECOND
  }
}

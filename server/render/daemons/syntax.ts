// How a value of the inventory enters a daemon's configuration without being able to leave it again.

/** dhcpd.conf(5) knows `\"`, `\\` and octal escapes inside quotes; whatever isn't printable ASCII is written in octal. */
export function iscString(text: string): string {
  const octets = [...Buffer.from(text)].map((octet) => {
    const character = String.fromCharCode(octet)
    if (character === '"' || character === '\\') return `\\${character}`
    return octet >= 0x20 && octet < 0x7f ? character : `\\${octet.toString(8).padStart(3, '0')}`
  })
  return `"${octets.join('')}"`
}

/** Kea reads JSON, in which nothing ends a string but its quote. */
export const keaJson = (value: unknown): string => JSON.stringify(value)

/** dnsmasq(8): inside quotes commas, colons and hashes are themselves; the quote and the backslash are escaped. */
export function dnsmasqWord(text: string): string {
  if (/^[A-Za-z0-9._/:+-]+$/.test(text)) return text
  if (/[\p{Cc}\u2028\u2029]/u.test(text))
    throw new RangeError(`dnsmasq's configuration can't hold the control character in ${JSON.stringify(text)}`)
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** Whether a folder can stand in `include` lines: Kea knows no way to quote a path, and no other daemon needs one. */
export const isIncludable = (folder: string): boolean => /^\/[A-Za-z0-9._/+@=-]*$/.test(folder) && !folder.endsWith('/')

/** @throws Error naming the folder */
export function includable(folder: string): string {
  if (isIncludable(folder)) return folder
  throw new Error(
    `daemons can't include files from ${JSON.stringify(folder)}: name an absolute folder of letters, digits, dots, dashes and underscores`,
  )
}

// Values from the inventory in boot menus: each loader's own quoting, so that no value starts a command.

/** PXELINUX takes an APPEND line to its end as it is: the one thing that must not be in it is another line. */
export function oneLine(text: unknown): string {
  const value = String(text)
  const hazard = wordWith(value, /[\r\n\0]/)
  if (hazard !== null) throw new Error(`${JSON.stringify(hazard)} can't stand on one line`)
  return value
}

/** The first word that holds such a thing, or null. Only that word is shown: beside it may stand a token. */
function wordWith(text: string, hazard: RegExp): string | null {
  return hazard.test(text) ? (text.split(' ').find((word) => hazard.test(word)) ?? '') : null
}

/** GRUB manual §16.2 (quoting): nothing is special between single quotes but the quote itself. */
export function grubWord(text: unknown): string {
  return `'${oneLine(text).replaceAll("'", "'\\''")}'`
}

/** Kernel arguments, each quoted where GRUB would read something into it. */
export function grubWords(text: unknown): string {
  const words = oneLine(text)
    .split(' ')
    .filter((word) => word !== '')
  return words.map((word) => (/^[A-Za-z0-9_.,:/=?%@+~^-]+$/.test(word) ? word : grubWord(word))).join(' ')
}

/** iPXE expands `${…}` and splits commands at `&&`, `||` and `;;` wherever they stand, and has no way to quote them. */
export function ipxeText(text: unknown): string {
  const value = oneLine(text)
  const hazard = wordWith(value, /\$\{|&&|\|\||;;/)
  if (hazard !== null)
    throw new Error(
      `${JSON.stringify(hazard)} can't stand in an iPXE script, which would read \${, &&, || or ;; as its own; take it out or set the param loader`,
    )
  return value
}

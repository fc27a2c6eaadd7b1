// How a value of the inventory enters a kickstart line or a shell script without being able to leave it again.

/**
 * Everything that ends a line for one of the readers: pykickstart splits with Python's str.splitlines(), which takes
 * VT, FF, FS, GS, RS, NEL and the two Unicode separators for line ends too.
 */
const lineEnd = /\r\n|[\n\v\f\r\u001c\u001d\u001e\u0085\u2028\u2029]/g

/** What a filter was given, as text. @throws Error when there is no value, or one that has no text of its own */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value === undefined || value === null) throw new Error('the value is undefined or null')
  throw new Error(`expected text or a number, not ${JSON.stringify(value)}`)
}

/**
 * One word of a POSIX shell, always quoted. A line end stays one, but what follows it can't begin with `%end`: the
 * reopened quotes stand before it.
 */
export function shellWord(value: unknown): string {
  const text = textOf(value)
  if (/^[A-Za-z0-9._/:,@+=-]*$/.test(text)) return `'${text}'`
  if (text.includes('\0')) throw new Error('a NUL character can be no part of a shell script')
  return `'${text.replaceAll("'", `'\\''`).replace(lineEnd, "$&''")}'`
}

/**
 * One word of a kickstart line. EL 4 splits lines with popt, everything since with Python's shlex: quotes mean the same
 * to both, and so does a backslash outside of quotes, but not one inside.
 */
export function kickstartWord(value: unknown): string {
  const text = textOf(value)
  if (/^[A-Za-z0-9._/:,@+=-]+$/.test(text)) return text
  if (/[\p{Cc}\u2028\u2029]/u.test(text))
    throw new Error(`a kickstart line can't hold the control character in ${JSON.stringify(text)}`)
  return `'${text.replace(/['\\]/g, (character) => `'\\${character}'`)}'`
}

/** Several words of a kickstart line: a text is split at its spaces, a list is taken word by word. */
export function kickstartWords(value: unknown): string {
  const words = Array.isArray(value)
    ? (value as readonly unknown[])
    : textOf(value)
        .split(' ')
        .filter((word) => word !== '')
  return words.map(kickstartWord).join(' ')
}

/** A line of `%packages`, which has no quotes: a package, a glob, `@group`, `@^environment`, each with `-` to leave it out. */
export function packageLine(value: unknown): string {
  const text = textOf(value)
  if (/^-?(@\^? ?)?[A-Za-z0-9*][A-Za-z0-9 ._+:*?/^()~-]*$/.test(text)) return text
  throw new Error(`${JSON.stringify(text)} names no package or @group`)
}

/** The value itself when it is one of those. */
export function oneOf(value: unknown, allowed: readonly string[]): string {
  const text = textOf(value)
  if (allowed.includes(text)) return text
  throw new Error(`${JSON.stringify(text)} is none of ${allowed.join(', ')}`)
}

/** The value itself unless it is missing or empty. */
export function needed(value: unknown, why: string): unknown {
  if (value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0))
    throw new Error(why)
  return value
}

/** A list's values in one text. nunjucks' own join looks up an attribute of each, and not only their own. */
export function joined(list: unknown, separator: unknown = ''): string {
  if (!Array.isArray(list)) throw new Error(`expected a list, not ${JSON.stringify(list)}`)
  return list.map(textOf).join(textOf(separator))
}

/**
 * A value in a preseed, which has no quotes: it reaches to the end of its line. debian-installer reads the file line by
 * line and takes a backslash at the end for "goes on in the next"; carriage returns it drops.
 */
export function preseedValue(value: unknown): string {
  const text = textOf(value)
  if (/[\p{Cc}\u2028\u2029]/u.test(text))
    throw new Error(`a preseed line can't hold the control character in ${JSON.stringify(text)}`)
  if (text.endsWith('\\')) throw new Error(`a preseed line can't end in a backslash: ${JSON.stringify(text)}`)
  return text
}

/**
 * A script in a preseed: comment lines, each with the script's name, which the preseed's early_command takes out again.
 * No value can leave it, whatever it holds: every line end begins another comment.
 */
export function preseedScript(text: unknown, name: string): string {
  const lines = textOf(text)
    .replace(/^\n+|\n+$/g, '')
    .split('\n')
  return lines.map((line) => `#${name}: ${line}\n`).join('')
}

/** What apt-get takes for one package: a name, `-name` to leave it out, `@task` for a task of tasksel. */
export function debianPackage(value: unknown): string {
  const text = textOf(value)
  const [, mark, name] = /^([@-]?)([a-z0-9][a-z0-9+.-]+(?::[a-z0-9]+)?)$/.exec(text) ?? []
  if (name === undefined) throw new Error(`${JSON.stringify(text)} names no Debian package or @task`)
  return `${name}${mark === '-' ? '-' : mark === '@' ? '^' : ''}`
}

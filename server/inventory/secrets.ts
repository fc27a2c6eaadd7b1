// What is printed of values that are nobody's business: history, lists and differences say that there is one, no more.
import type { StoredRow, StoredValue } from './encode.ts'

export const hidden = '(secret)'

/** By its name, as the site gave it: root_password_hash, bmc_passwd, api_token, ipmi_credentials. */
export const isSecretName = (name: string): boolean =>
  /passw|passphrase|secret|token|hash|credential|private_?key/i.test(name)

/** Of a URL, who signs in (RFC 3986 §3.2.1); of `name=value`, as in kernel arguments, the value of a secret's name. */
export function textWithoutSecrets(text: string): string {
  let [shown, from] = ['', 0]
  for (const { index, 0: given, 1: name = '' } of text.matchAll(givenName)) {
    if (index < from || !isSecretName(name)) continue
    shown += `${text.slice(from, index)}${name}=${hidden}`
    const value = index + given.length
    from = value + (givenValue.exec(text.slice(value))?.[0].length ?? 0)
  }
  return `${shown}${text.slice(from)}`.replace(/(:\/\/)[^\s/?#"'<>]*@/g, `$1${hidden}@`)
}

/** From a word's begin only: a long one would else be tried from each of its letters. */
const givenName = /(?<![\w.-])([\w.-]+)=/g
const givenValue = /^(?:"[^"]*"|[^\s"',;&|()<>[\]{}]+)/

/** A value as it may be shown: of a map, those entries whose names don't speak of secrets. */
export function withoutSecrets(name: string, value: unknown): unknown {
  if (isSecretName(name) && value !== null && value !== undefined) return hidden
  if (typeof value === 'string') return textWithoutSecrets(value)
  if (Array.isArray(value)) return value.map((item: unknown) => withoutSecrets('', item))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutSecrets(key, inner)]))
}

/** A stored row as it may be shown: its params, and the value of a site row, are JSON that may hold a secret. */
export function rowWithoutSecrets(row: StoredRow): StoredRow {
  const isSecretRow = 'value' in row && isSecretName(String(row['name']))
  const shown = (column: string, value: StoredValue): StoredValue => {
    if (column === 'value' && isSecretRow) return hidden
    if (typeof value !== 'string') return value
    if (column !== 'params' && column !== 'value') return textWithoutSecrets(value)
    try {
      return JSON.stringify(withoutSecrets('', JSON.parse(value)))
    } catch {
      return hidden // not JSON: somebody's SQL, in which nothing can be told apart
    }
  }
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, shown(column, value)]))
}

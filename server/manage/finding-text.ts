// A finding in words.
import type { Finding } from '../inventory/findings.ts'

/** `dom0 "x": there is no machine of this name; …`: of a machine, which the reader knows, or of another row, named. */
export function describeFinding({ table, key, field, value, message }: Finding): string {
  const said = `${JSON.stringify(value ?? null)}: ${message}`
  if (table === 'machines') return `${field} ${said}`
  if (table === 'interfaces') return `interface.${key.slice(key.indexOf('/') + 1)}.${field} ${said}`
  return `${table} ${key}: ${field} ${said}`
}

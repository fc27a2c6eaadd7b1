// Whom the command line asks when it does not work on a database: the server's address, its CA, and the token.
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { describeError, Misworded } from '../manage/failure.ts'
import type { Resolution } from './config.ts'

export type ApiAddress = Readonly<{
  /** Without a slash at its end. */
  url: string
  token: string
  /** In PEM: certificates rest on these and no others; null: on those that the system's programs trust. */
  ca: string | null
  /** What is to be known of it, before anything is asked. */
  notes: readonly string[]
}>

/**
 * Null when no server is named.
 * @throws Misworded when the token is missing or open to others, or a file can't be read
 */
export function apiAddress({ config, origins, file }: Resolution): ApiAddress | null {
  const { server, serverCa } = config
  if (server === null) return null
  const token = config.token ?? (config.tokenFile === null ? null : readSecret(config.tokenFile))
  if (token === null || token === '')
    throw new Misworded(
      `server is ${server}, and a token is missing: set BOOTSTEAD_TOKEN, or token_file to a file that holds one (bootstead token add makes one)`,
    )
  if (config.token !== null && file !== null && origins.token.startsWith(file)) refuseOpen(file)
  return {
    url: server,
    token,
    ca: serverCa === null ? null : read(serverCa, 'server_ca'),
    notes: notesOn(server, origins.token),
  }
}

function notesOn(server: string, origin: string): readonly string[] {
  const { protocol, hostname } = new URL(server)
  const isHere =
    hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
  return [
    ...(protocol === 'http:' && !isHere
      ? [`${server}: the token crosses the network as it is; with admin_tls_cert the server takes https`]
      : []),
    ...(origin.startsWith('flag ')
      ? ['--token shows the token to everybody who lists processes here; BOOTSTEAD_TOKEN and token_file do not']
      : []),
  ]
}

function readSecret(path: string): string {
  const text = read(path, 'token_file')
  refuseOpen(path)
  return text.trim()
}

/** A secret that others of this host may read is none. */
function refuseOpen(path: string): void {
  const mode = statSync(path).mode & 0o777
  if ((mode & 0o077) !== 0)
    throw new Misworded(`${path} holds a token, and others may read it (mode ${mode.toString(8)}): chmod 600 ${path}`)
}

function read(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Misworded(`${what}: ${describeError(error)}`, { cause: error })
  }
}

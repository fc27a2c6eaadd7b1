// Where a browser finds the administration side.
import { isIPv6 } from 'node:net'
import type { Config } from './settings.ts'

type Where = Pick<Config, 'adminListen' | 'adminPort' | 'adminTlsCert' | 'adminUrl'>

/**
 * @param addresses of this host, for a server that listens on all of them
 * @param port that was taken, when any would do
 */
export function adminUrl(config: Where, addresses: readonly string[], port = config.adminPort): string {
  if (config.adminUrl !== null) return config.adminUrl
  const isAny = config.adminListen === '0.0.0.0' || config.adminListen === '::'
  const host = isAny ? (addresses[0] ?? '127.0.0.1') : config.adminListen
  const scheme = config.adminTlsCert === null ? 'http' : 'https'
  const isUsual = port === (scheme === 'https' ? 443 : 80)
  return `${scheme}://${isIPv6(host) ? `[${host}]` : host}${isUsual ? '' : `:${port}`}`
}

/** Whether passwords would cross a network as they are. */
export const isBare = ({ adminListen, adminTlsCert }: Where): boolean =>
  adminTlsCert === null && !adminListen.startsWith('127.') && adminListen !== '::1'

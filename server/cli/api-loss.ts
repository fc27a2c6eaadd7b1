// Why there was no answer, in words that say what to look at.
import type { Loss } from './api-client.ts'

const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
])

/** @param isSafe it changes nothing, or is done once however often it is asked */
export function describeLoss(url: string, { error, wasSent }: Loss, isSafe: boolean): string {
  const why = whyNot(error)
  if (!wasSent || isSafe) return `${url}: ${why}`
  return `${url}: ${why}; what was asked for may have been done all the same: look before you ask again`
}

function whyNot({ code = '', message }: NodeJS.ErrnoException): string {
  if (untrusted.has(code))
    return `its certificate is not trusted (${message}); name the CA that it rests on with --server-ca FILE`
  switch (code) {
    case 'ECONNREFUSED':
      return 'nobody listens there; is the server running, and are admin_listen and admin_port what is asked here?'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'there is no address of that name'
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'there is no way to that address'
    case 'ETIMEDOUT':
      return message === '' || message.startsWith('connect') ? 'no connection could be made in time' : message
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `its certificate is made for another name (${message}); ask for the server by the name it has`
    case 'CERT_HAS_EXPIRED':
      return 'its certificate has expired'
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return 'it speaks no TLS; is it http:// ?'
    case 'ECONNRESET':
    case 'EPIPE':
      return 'the connection was closed without an answer; does it take https:// only, or was it stopped?'
    default:
      return message === '' ? code : message
  }
}

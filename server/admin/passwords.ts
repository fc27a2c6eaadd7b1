// Passwords: what one must be, and its hash, `$scrypt$ln=15,r=8,p=3$SALT$HASH`.
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

type Cost = Readonly<{ ln: number; r: number; p: number }>

/** 32 MiB and 0.3 s of one core. Source: OWASP Password Storage Cheat Sheet, equal in strength to N=2^17, p=1 with 128 MiB. */
export const cost: Cost = { ln: 15, r: 8, p: 3 }
const [saltBytes, hashBytes] = [16, 32]
/** Beyond, a hash in the store is not ours, and would cost more than a log-in may. */
const mostMemoryBytes = 256 * 1024 * 1024

const [shortest, longest] = [12, 200]

/** What is wrong with a new password, or null. NIST SP 800-63B §3.1.1.2: length counts, not kinds of characters. */
export function passwordFault(password: string, name: string): string | null {
  const { length } = Array.from(password)
  if (length < shortest) return `a password has at least ${shortest} characters; a few words are easily remembered`
  if (length > longest) return `a password has at most ${longest} characters`
  if (new Set(password).size < 5) return 'a password has at least 5 different characters'
  if (password.toLowerCase().includes(name.toLowerCase())) return "a password does not contain its user's name"
  return null
}

export async function hashPassword(password: string, { ln, r, p }: Cost = cost): Promise<string> {
  const salt = randomBytes(saltBytes)
  const hash = await derive(password, salt, { ln, r, p }, hashBytes)
  return `$scrypt$ln=${ln},r=${r},p=${p}$${salt.toString('base64url')}$${hash.toString('base64url')}`
}

/**
 * Takes as long for a user who is not there (null).
 * @throws when the hash is none of ours
 */
export async function isPassword(password: string, hash: string | null): Promise<boolean> {
  const { salt, expected, ...wanted } = parseHash(hash ?? nobody)
  const given = await derive(password, salt, wanted, expected.length)
  return timingSafeEqual(given, expected) && hash !== null
}

/** Whether it was made with less than a new one would be. */
export function isOutdated(hash: string): boolean {
  const { ln, r, p } = parseHash(hash)
  return ln !== cost.ln || r !== cost.r || p !== cost.p
}

/** A hash of nothing that anybody knows. */
const nobody = `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${Buffer.alloc(saltBytes).toString('base64url')}$${randomBytes(hashBytes).toString('base64url')}`

function parseHash(hash: string): Cost & Readonly<{ salt: Buffer; expected: Buffer }> {
  const [, ln, r, p, salt = '', expected = ''] =
    /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w-]{22,})\$([\w-]{43,})$/.exec(hash) ?? []
  if (ln === undefined) throw new Error('a stored password hash is not of the form $scrypt$ln=…,r=…,p=…$SALT$HASH')
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64url')
  return { ln: Number(ln), r: Number(r), p: Number(p), salt: bytes(salt), expected: bytes(expected) }
}

/** Unicode's NFKC first (NIST SP 800-63B §3.1.1.2), or an é typed elsewhere would be another. */
function derive(password: string, salt: Buffer, { ln, r, p }: Cost, length: number): Promise<Buffer> {
  const options = { N: 2 ** ln, r, p, maxmem: mostMemoryBytes }
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, length, options, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}

// What a client asked for beyond RFC 1350, and what it gets: RFC 2347 (negotiation), 2348, 2349 and 7440 (options).

export type Negotiated = Readonly<{
  blksize: number
  windowsize: number
  timeoutMs: number
  /** For the OACK; empty means that there is none and that the first DATA is the answer to the request. */
  accepted: ReadonlyMap<string, string>
}>

/**
 * One row per option. A value that is not a number from `min` to `max` is not answered, which RFC 2347 allows and
 * every client must take as "the server doesn't know this option". `atMost` is the most we grant.
 */
type OptionRule = Readonly<{ name: string; min: number; max: number; atMost: number; source: string }>

/** Enough to fill a gigabit link at any round trip of a building; more would only overrun the ROM's few buffers. */
const WINDOW_AT_MOST = 64

const RULES: readonly OptionRule[] = [
  { name: 'blksize', min: 8, max: 65464, atMost: 65464, source: 'RFC 2348, "Blocksize Option Specification"' },
  { name: 'windowsize', min: 1, max: 65535, atMost: WINDOW_AT_MOST, source: 'RFC 7440 §3' },
  // RFC 2349: the server must echo the client's own value or not acknowledge it, so nothing is cut down here.
  { name: 'timeout', min: 1, max: 255, atMost: 255, source: 'RFC 2349, "Timeout Interval Option"' },
  { name: 'tsize', min: 0, max: Number.MAX_SAFE_INTEGER, atMost: Number.MAX_SAFE_INTEGER, source: 'RFC 2349' },
]

/** RFC 1350 §2: DATA carries 512 octets; §4 leaves the time-out open, and a second is what servers use. */
const WITHOUT_OPTIONS = { blksize: 512, windowsize: 1, timeoutSeconds: 1 }

/** `requested` has lower-case names; `size` is the octets that will be sent, for `tsize`. */
export function negotiate(requested: ReadonlyMap<string, string>, size: number): Negotiated {
  const granted = new Map<string, number>()
  for (const [name, text] of requested) {
    const rule = RULES.find((candidate) => candidate.name === name)
    if (!rule || !/^\d{1,15}$/.test(text)) continue
    const value = Number(text)
    if (value < rule.min || value > rule.max) continue
    if (name !== 'tsize') granted.set(name, Math.min(value, rule.atMost))
    else if (size > 0) granted.set(name, size) // curl (lib/tftp.c) refuses the OACK of an empty file if it says tsize 0
  }
  return {
    blksize: granted.get('blksize') ?? WITHOUT_OPTIONS.blksize,
    windowsize: granted.get('windowsize') ?? WITHOUT_OPTIONS.windowsize,
    timeoutMs: 1000 * (granted.get('timeout') ?? WITHOUT_OPTIONS.timeoutSeconds),
    accepted: new Map([...granted].map(([name, value]) => [name, String(value)])),
  }
}

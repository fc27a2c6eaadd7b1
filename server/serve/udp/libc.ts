// The few system calls that Node has no function for. This file and batch.ts are all that can crash the process: every
// pointer that the kernel gets is into an arena of batch.ts, and no descriptor but our own is used.

import { endianness } from 'node:os'
import { getSystemErrorName } from 'node:util'

export type Libc = Readonly<{
  /** Each returns what the call does: -1 for an error, which errno() then tells. */
  socket: (family: number, type: number, protocol: number) => number
  bind: (fd: number, address: Uint8Array, length: number) => number
  setsockopt: (fd: number, level: number, name: number, value: Uint8Array, length: number) => number
  /** `length` has four octets: how many `address` has, and then how many are of use. */
  getsockname: (fd: number, address: Uint8Array, length: Uint8Array) => number
  close: (fd: number) => number
  /** `headers` is an address in an arena. */
  recvmmsg: (fd: number, headers: bigint, count: number, flags: number, timeout: null) => number
  sendmmsg: (fd: number, headers: bigint, count: number, flags: number) => number
  errno: () => number
  /** Of memory that the engine never moves: an ArrayBuffer of more than a few octets. */
  addressOf: (memory: ArrayBuffer) => bigint
  /**
   * Calls when the descriptor is readable, or writable, until stopped; `close` before the descriptor is closed.
   * @param how `bare` calls straight out of the event loop, a little cheaper for an ACK and its DATA: whoever settles
   *   promises in there has to setImmediate() something, or they wait until JavaScript runs for another reason
   */
  poll: (fd: number, when: 'readable' | 'writable', ready: () => void, how?: 'turn' | 'bare') => Polling
}>

export type Polling = Readonly<{ change: (when: 'readable' | 'writable') => void; close: () => void }>

/** Where the structures of batch.ts are laid out as it writes them, and tests have run. */
const ARCHITECTURES = ['x64', 'arm64']

/** Or why it is not to be had: koffi is an optional package, with compiled code for some platforms. */
export async function loadLibc(): Promise<Libc | string> {
  if (process.platform !== 'linux' || !ARCHITECTURES.includes(process.arch) || endianness() !== 'LE')
    return `not tried on ${process.platform} ${process.arch}`
  try {
    const koffi = await import('koffi')
    const libc = koffi.load(null)
    return {
      socket: libc.func('int socket(int, int, int)'),
      bind: libc.func('int bind(int, void *, uint)'),
      setsockopt: libc.func('int setsockopt(int, int, int, void *, uint)'),
      getsockname: libc.func('int getsockname(int, void *, void *)'),
      close: libc.func('int close(int)'),
      recvmmsg: libc.func('int recvmmsg(int, void *, uint, int, void *)'),
      sendmmsg: libc.func('int sendmmsg(int, void *, uint, int)'),
      errno: koffi.errno,
      addressOf: koffi.address,
      poll: (fd, when, ready, how = 'turn') => {
        const onEvent = how === 'turn' ? (): void => void setImmediate(ready) : loud(ready)
        const handle = koffi.node.poll(fd, { [when]: true }, onEvent)
        return { change: (next) => handle.start({ [next]: true }, onEvent), close: () => handle.close() }
      },
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** What is thrown in a call from outside JavaScript would be lost. */
const loud = (ready: () => void) => (): void => {
  try {
    ready()
  } catch (error) {
    setImmediate(() => {
      throw error
    })
  }
}

/** `EAGAIN`; of a number that is none, the number. */
export function errorName(errno: number): string {
  return errno > 0 ? getSystemErrorName(-errno) : String(errno)
}

// Sockets that systemd opened before it started us: sd_listen_fds(3), systemd.socket(5).

export type InheritedSocket = Readonly<{
  fd: number
  /** Its unit's FileDescriptorName. */
  name: string
}>

const FIRST_FD = 3

/** None when the variables are absent, or were meant for another process of which we have them. */
export function inheritedSockets(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): readonly InheritedSocket[] {
  if (env['LISTEN_PID'] !== String(pid)) return []
  const names = env['LISTEN_FDNAMES']?.split(':') ?? []
  return Array.from({ length: Number(env['LISTEN_FDS']) || 0 }, (_, index) => ({
    fd: FIRST_FD + index,
    name: names[index] ?? 'unknown',
  }))
}

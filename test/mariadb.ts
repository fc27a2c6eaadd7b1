// A real MariaDB of the test's own: private folder, private socket, a free loopback port, gone afterwards.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type MariaDb = Readonly<{
  /** `mysql://…` of a database that is made, empty, by this call. */
  newDatabase: (name: string) => string
  /** Runs SQL as the administrator. */
  sql: (statement: string) => string
  port: number
  /** Ends the server as a crash does, and starts it again on the same data. */
  kill: () => Promise<void>
  start: () => Promise<void>
  /** Holds the server still, its connections open, and lets it go on. */
  pause: () => void
  resume: () => void
  stop: () => Promise<void>
}>

/** @param settings of the server, last of all */
export async function startMariaDb(settings: readonly string[] = []): Promise<MariaDb> {
  if (!existsSync('/usr/sbin/mariadbd') && !existsSync('/usr/bin/mariadb-install-db'))
    throw new Error('this test needs MariaDB: apt-get install mariadb-server')
  const folder = mkdtempSync(join(tmpdir(), 'bootstead-mariadb-'))
  const [data, socket, temporary] = [join(folder, 'data'), join(folder, 'socket'), join(folder, 'tmp')]
  mkdirSync(temporary) // a starting server deletes every `#sql…` of its tmpdir: in a shared /tmp, its neighbours' working tables
  const user = process.getuid?.() === 0 ? ['--user=root'] : []
  run('mariadb-install-db', [
    '--no-defaults',
    `--datadir=${data}`,
    `--tmpdir=${temporary}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    ...user,
  ])
  const port = await freePort()
  let server: ReturnType<typeof spawn> | null = null
  const sql = (statement: string): string =>
    run('mariadb', ['--no-defaults', '-S', socket, '-uroot', '-N', '-B', '-e', statement])
  const start = async (): Promise<void> => {
    server = spawn(
      'mariadbd',
      [
        '--no-defaults',
        ...user,
        `--datadir=${data}`,
        `--socket=${socket}`,
        `--port=${port}`,
        `--tmpdir=${temporary}`,
        '--bind-address=127.0.0.1',
        '--innodb-flush-log-at-trx-commit=0',
        '--skip-log-bin',
        ...settings,
      ],
      { stdio: 'ignore' },
    )
    for (let attempt = 0; attempt < 300; attempt++) {
      if (
        spawnSync('mariadb-admin', ['--no-defaults', '-S', socket, '-uroot', 'ping'], { stdio: 'ignore' }).status === 0
      )
        return
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error('mariadbd did not start')
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ended = server
    if (ended === null || ended.exitCode !== null || ended.signalCode !== null) return
    const gone = new Promise((resolve) => ended.once('exit', resolve))
    ended.kill(signal)
    await gone
  }
  await start()
  return {
    port,
    sql,
    start,
    kill: () => end('SIGKILL'),
    pause: () => {
      server?.kill('SIGSTOP')
      while (server?.pid !== undefined && !isStopped(server.pid)); // other threads go on until the first takes the signal
    },
    resume: () => void server?.kill('SIGCONT'),
    newDatabase: (name) => {
      sql(
        `CREATE DATABASE ${name}; CREATE USER ${name}@'127.0.0.1' IDENTIFIED BY 'secret-${name}'; GRANT ALL ON ${name}.* TO ${name}@'127.0.0.1'`,
      )
      return `mysql://${name}:secret-${name}@127.0.0.1:${port}/${name}`
    },
    stop: async () => {
      await end('SIGTERM')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const isStopped = (pid: number): boolean =>
  readdirSync(`/proc/${pid}/task`).every((thread) =>
    /^\d+ \(.*\) T/s.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')),
  )

function run(program: string, args: readonly string[]): string {
  const done = spawnSync(program, args, { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`${program}: ${done.error?.message ?? done.stderr}`)
  return done.stdout
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

// Two farms that are alike: of one the command line has the database, of the other only a server's address and a token.
import type { TestContext } from 'node:test'
import type { Role } from '../../server/admin/roles.ts'
import { roles } from '../../server/admin/roles.ts'
import type { Certificate } from '../../server/admin/server.ts'
import { openAdmin } from '../../server/admin/server.ts'
import type { Io } from '../../server/cli/io.ts'
import { openSession } from '../../server/cli/session.ts'
import type { Desk } from '../../server/manage/desk.ts'
import { openLive } from '../../server/serve/live.ts'
import { silent } from '../fixtures.ts'
import type { Cli, Printed } from '../unit/cli/cli.ts'
import { noon, openInstallableFarm } from '../unit/cli/cli.ts'

export type RemoteFarm = Readonly<{
  /** On the database. */
  cli: Cli
  url: string
  tokens: Readonly<Record<Role, string>>
  /** The same command line over the API; as an administrator, unless another role is named. */
  run: (words: readonly string[], as?: Role, overrides?: Partial<Io>) => Promise<Printed>
  desk: Desk
}>

type Options = Readonly<{ tls?: Certificate | null; prepare?: (cli: Cli) => void }>

export const password = 'correct horse battery staple'

/** A farm whose images are there, with a user and a token of each role. */
export async function openUsedFarm(t: TestContext, prepare: (cli: Cli) => void = () => undefined) {
  const cli = await openInstallableFarm(t)
  prepare(cli)
  const tokens = new Map<Role, string>()
  for (const role of roles) {
    await cli.run(['user', 'add', role, '--role', role, '--password-stdin'], {
      readStdin: () => Promise.resolve(password),
    })
    tokens.set(role, (await cli.ok('token', 'add', 'far', '--user', role, '--role', role)).trim())
  }
  return { cli, tokens: Object.fromEntries(tokens) as Record<Role, string> }
}

export async function openRemoteFarm(t: TestContext, { tls = null, prepare }: Options = {}): Promise<RemoteFarm> {
  const { cli, tokens } = await openUsedFarm(t, prepare)
  const session = openSession(cli.io, () => ({}))
  t.after(session.close)
  const desk = await session.desk()
  const { store, stateDir } = desk
  const live = await openLive({ store, stateDir, pollMs: 60_000, log: silent })
  t.after(live.close)
  const health = () => ({ status: 'ok', revision: live.snapshot().revision, machines: live.snapshot().machines.size })
  const admin = await openAdmin({
    ...{ store, live, health, tls, log: silent, now: () => noon },
    ...{ listen: '127.0.0.1', port: 0, trustProxy: [] },
    desk: (who) => ({ ...desk, who }),
  })
  t.after(admin.close)
  const url = `${tls === null ? 'http' : 'https'}://127.0.0.1:${admin.port}`
  return {
    ...{ cli, url, tokens, desk },
    run: (words, as = 'admin', { env = {}, ...overrides } = {}) =>
      cli.run(words, { env: { BOOTSTEAD_SERVER: url, BOOTSTEAD_TOKEN: tokens[as], ...env }, ...overrides }),
  }
}

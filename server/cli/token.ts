// `bootstead token add|list|rm`: tokens by which programs use the API in a user's name.
import type { Command } from 'commander'
import { Option } from 'commander'
import type { Token } from '../admin/accounts.ts'
import { addToken, mostTokenDays, normalName, parseDays } from '../admin/accounts.ts'
import type { Role } from '../admin/roles.ts'
import { misuse } from './failure.ts'
import { byCli } from './people-here.ts'
import type { Session } from './session.ts'
import { alignColumns } from './table.ts'
import { roleOption } from './user.ts'

type Added = Readonly<{ user: string; role: Role; days: string; json?: boolean }>

export function registerToken(program: Command, session: Session): void {
  const group = program.command('token').description('tokens by which programs use the API')
  group
    .command('add')
    .description('make a token and print it, this once')
    .argument('<name>', 'what it is for, as in nightly-report')
    .requiredOption('--user <name>', 'in whose name it acts')
    .addOption(roleOption().makeOptionMandatory())
    .addOption(new Option('--days <number>', `how long it lives, ${mostTokenDays} at most`).default('90'))
    .option('--json', 'as JSON')
    .action(async (name: string, { user, role, days, json }: Added) => {
      const wanted = { user: normalName(user), name, role, days: parseDays(days) }
      const token = await addToken(await session.store(), wanted, byCli(session))
      if (json === true) session.printJson({ ...wanted, token })
      else session.print(token)
    })
  group
    .command('list')
    .description('list the tokens; what they are is shown to nobody')
    .option('--user <name>', 'of this user only')
    .option('--json', 'as JSON')
    .action(async ({ user, json }: { user?: string; json?: boolean }) => {
      const tokens = await session.site().people.tokens(user === undefined ? null : normalName(user))
      if (json === true) return session.printJson(tokens)
      if (tokens.length === 0) return session.note('there are no tokens')
      session.print(alignColumns(['token', 'role', 'until', 'last used'], tokens.map(cells)))
    })
  group
    .command('rm')
    .description('remove a token: whatever uses it gets no answer from then on')
    .argument('<user/name>', 'as `token list` shows it')
    .action(async (word: string) => {
      const [, user = '', name = ''] = /^([^/]+)\/([^/]+)$/.exec(word) ?? misuse(`${word}: expected USER/NAME`)
      await session.site().people.removeToken(normalName(user), name)
      session.print(`removed ${word}`)
    })
}

const cells = ({ user, name, role, expiresAt, usedAt }: Token): readonly string[] => [
  `${user}/${name}`,
  role,
  expiresAt,
  usedAt ?? 'never',
]

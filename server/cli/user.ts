// `bootstead user add|list|set|rm|passwd|invite`: who may use the administration side.
import type { Command } from 'commander'
import { Option } from 'commander'
import type { User } from '../admin/accounts.ts'
import { addUser, changePassword, changeUser, findUser, makeLink, normalName, pathOfLink } from '../admin/accounts.ts'
import type { Role } from '../admin/roles.ts'
import { roles } from '../admin/roles.ts'
import { adminUrl } from './admin-url.ts'
import { fail, misuse } from './failure.ts'
import { byCli } from './people-here.ts'
import type { Session } from './session.ts'
import { alignColumns } from './table.ts'

export const roleOption = (): Option => new Option('--role <role>', roles.join(', ')).choices(roles)

export function registerUser(program: Command, session: Session): void {
  const group = program.command('user').description('who may log in on the administration side, and as what')
  registerAdding(group, session)
  registerList(group, session)
  registerChanging(group, session)
  registerPassword(group, session)
  registerInvitation(group, session)
}

function registerAdding(group: Command, session: Session): void {
  withPassword(
    group
      .command('add')
      .description('add a user; the password is asked for')
      .argument('<name>')
      .addOption(roleOption().makeOptionMandatory()),
  ).action(async (typed: string, { role, passwordStdin }: { role: Role; passwordStdin?: boolean }) => {
    const [name, store] = [normalName(typed), await session.store()]
    if ((await findUser(store, name)) !== null) fail(`there is a user ${name} already`)
    await addUser(store, { name, role, password: await newPassword(session, passwordStdin) }, byCli(session))
    session.print(`added ${name} (${role})`)
  })
}

function registerList(group: Command, session: Session): void {
  group
    .command('list')
    .description('list the users')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const users = await session.site().people.users()
      if (json === true) return session.printJson(users)
      if (users.length === 0) return session.note('there are no users yet; bootstead user add makes one')
      session.print(alignColumns(['name', 'role', 'state', 'since', 'changed'], users.map(cells)))
    })
}

const cells = ({ name, role, disabled, createdAt, changedAt }: User): readonly string[] => [
  name,
  role,
  disabled ? 'disabled' : 'enabled',
  createdAt,
  changedAt,
]

type Change = Readonly<{ role?: Role; enable?: boolean; disable?: boolean }>

function registerChanging(group: Command, session: Session): void {
  group
    .command('set')
    .description('change the role of a user, or whether they may log in')
    .argument('<name>')
    .addOption(roleOption())
    .addOption(
      new Option('--disable', 'no log-in any more; sessions end, API tokens get no answer').conflicts('enable'),
    )
    .option('--enable', 'log-in again')
    .action(async (typed: string, { role, enable, disable }: Change) => {
      if (role === undefined && enable !== true && disable !== true)
        misuse('nothing is to be changed; give --role ROLE, --disable or --enable')
      const disabled = disable === true ? { disabled: true } : enable === true ? { disabled: false } : {}
      const name = normalName(typed)
      await changeUser(
        await session.store(),
        name,
        { ...(role === undefined ? {} : { role }), ...disabled },
        byCli(session),
      )
      session.print(`changed ${name}`)
    })
  group
    .command('rm')
    .description('remove a user with sessions and API tokens')
    .argument('<name>')
    .action(async (typed: string) => {
      const name = normalName(typed)
      await session.site().people.removeUser(name)
      session.print(`removed ${name}`)
    })
}

function registerPassword(group: Command, session: Session): void {
  withPassword(
    group.command('passwd').description('set the password of a user; their sessions end').argument('<name>'),
  ).action(async (typed: string, { passwordStdin }: { passwordStdin?: boolean }) => {
    const [name, store] = [normalName(typed), await session.store()]
    if ((await findUser(store, name)) === null)
      fail(`there is no user ${name}; bootstead user list shows those there are`)
    await changePassword(store, name, await newPassword(session, passwordStdin), byCli(session))
    session.print(`changed the password of ${name}`)
  })
}

type Invited = Readonly<{ first?: boolean; role?: Role; reset?: string; hours: string }>

function registerInvitation(group: Command, session: Session): void {
  group
    .command('invite')
    .description('print a one-time link at which somebody chooses a name and a password')
    .addOption(roleOption().conflicts(['first', 'reset']))
    .addOption(new Option('--first', 'for the first administrator, while there are no users').conflicts('reset'))
    .option('--reset <name>', 'for a new password of this user')
    .addOption(new Option('--hours <number>', 'how long the link is good').default('24'))
    .action(async ({ first, role, reset, hours }: Invited) => {
      if (!/^[1-9]\d{0,2}$/.test(hours)) misuse(`--hours is ${hours}: expected a number of hours from 1 to 999`)
      const purpose =
        first === true
          ? ({ kind: 'first' } as const)
          : reset !== undefined
            ? ({ kind: 'reset', user: normalName(reset) } as const)
            : ({ kind: 'new', role: role ?? misuse('give --role ROLE, --first, or --reset NAME') } as const)
      const secret = await makeLink(await session.store(), purpose, Number(hours), byCli(session))
      if (secret === null)
        fail('there are users already; one of them with the role admin invites others, or --role here')
      session.print(`${adminUrl(session.config(), session.server().addresses)}${pathOfLink(secret)}`)
    })
}

const withPassword = (command: Command): Command =>
  command.option('--password-stdin', 'read the password from standard input, its first line')

/** @throws Refused where nobody can be asked */
async function newPassword({ io }: Session, isPiped = false): Promise<string> {
  if (isPiped) return (await io.readStdin()).split(/\r?\n/)[0] ?? ''
  if (io.askSecret === null) return fail('there is no terminal to ask for the password at; give --password-stdin')
  const password = await io.askSecret('Password: ')
  if ((await io.askSecret('The same again: ')) !== password) fail('the two passwords differ; nothing was changed')
  return password
}

// `bootstead machine list`: one line for each machine, those that get no answer marked.
import type { Command } from 'commander'
import type { MachineLine } from '../manage/machine-lines.ts'
import { checkedWords, selectorHelp, whereOption } from './selection.ts'
import type { Session } from './session.ts'
import { alignColumns } from './table.ts'

export function registerMachineList(group: Command, session: Session): void {
  group
    .command('list')
    .description('list machines; all of them when none are named')
    .argument('[selector...]', selectorHelp)
    .addOption(whereOption())
    .option('--json', 'as JSON')
    .action(async (words: readonly string[], { where = [], json }: { where?: readonly string[]; json?: boolean }) => {
      const isAll = words.length + where.length === 0
      const lines = await session.site().machines(isAll ? [] : checkedWords(words, where))
      if (json === true) return session.printJson(lines)
      session.print(alignColumns(['hostname', 'profile', 'boot', 'state', 'ip', 'mac', 'dom0'], lines.map(cells)))
    })
}

const cells = ({ hostname, profile, boot, withheld, state, ip, ip6, mac, dom0 }: MachineLine): readonly string[] =>
  [hostname, profile, boot, withheld ? 'withheld' : state, ip ?? ip6, mac, dom0].map((cell) => cell ?? '')

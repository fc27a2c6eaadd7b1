// `bootstead machine disarm|local|rescue|memtest|hold`: what the next network boot does.
import type { Command } from 'commander'
import type { OtherBoot } from '../manage/boot-actions.ts'
import { foldNames } from '../manage/names.ts'
import { checkedWords, selectorHelp, whereOption } from './selection.ts'
import type { Session } from './session.ts'

type Row = Readonly<{ name: string; action: OtherBoot; help: string }>

const actions: readonly Row[] = [
  { name: 'disarm', action: 'local', help: 'take an install back that was armed and not begun' },
  { name: 'local', action: 'local', help: 'boot from disk' },
  { name: 'rescue', action: 'rescue', help: "boot the installer's rescue system" },
  { name: 'memtest', action: 'memtest', help: 'boot the memory test' },
  { name: 'hold', action: 'hold', help: 'stay at the boot menu' },
]

export function registerMachineBoot(group: Command, session: Session): void {
  for (const { name, action, help } of actions)
    group
      .command(name)
      .description(help)
      .argument('[selector...]', selectorHelp)
      .addOption(whereOption())
      .option('--json', 'as JSON')
      .action(async (words: readonly string[], { where, json }: { where?: readonly string[]; json?: boolean }) => {
        const names = await session.site().setBoot(checkedWords(words, where), action)
        if (json === true) session.printJson({ boot: action, machines: names })
        else session.print(names.length === 0 ? 'no machine matches' : `boot is ${action}: ${foldNames(names)}`)
      })
}

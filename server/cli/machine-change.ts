// `bootstead machine add|set`: a machine's rows, written from the command line.
import type { Command } from 'commander'
import type { Assignment } from '../manage/assignments.ts'
import { isAssignment, parseAssignment } from '../manage/assignment-words.ts'
import type { ApplyOptions } from './apply.ts'
import { changeRows } from './apply.ts'
import { interfaceWords } from './assignments.ts'
import { misuse } from './failure.ts'
import { withApplyOptions } from './options.ts'
import { checkedWords, whereOption } from './selection.ts'
import type { Session } from './session.ts'

const assignmentHelp = 'field=value, params.NAME=value, interface.NAME.COLUMN=value; an empty value clears'

export function registerMachineChanges(group: Command, session: Session): void {
  withApplyOptions(group.command('add'))
    .description('add a machine, or a range of them')
    .argument('<name>', "its host name, or a range such as 'acas[0001-0040]'")
    .argument('<field=value...>', assignmentHelp)
    .option(
      '--interface <interface>',
      'NAME,mac=MAC,ip=ADDRESS,network=NAME; may be given more than once',
      (text: string, earlier: readonly string[]) => [...earlier, text],
      [] as readonly string[],
    )
    .action((name: string, words: readonly string[], options: ApplyOptions & { interface: readonly string[] }) =>
      addMachines(session, name, words, options),
    )
  withApplyOptions(group.command('set'))
    .description('change fields of machines')
    .argument('<word...>', `which machines, and ${assignmentHelp}; filters go into --where`)
    .addOption(whereOption())
    .action((words: readonly string[], options: ApplyOptions & { where?: readonly string[] }) =>
      setMachines(session, words, options),
    )
}

async function addMachines(
  session: Session,
  name: string,
  words: readonly string[],
  options: ApplyOptions & { interface: readonly string[] },
): Promise<void> {
  const given = [...words, ...options.interface.flatMap(interfaceWords)]
  refuseInstall(parsed(given), name)
  await changeRows(session, [{ edit: 'add machine', machine: { hostname: name }, words: given }], options)
}

async function setMachines(
  session: Session,
  words: readonly string[],
  options: ApplyOptions & { where?: readonly string[] },
): Promise<void> {
  const given = words.filter(isAssignment)
  const assignments = parsed(given)
  const selectors = words.filter((word) => !isAssignment(word))
  const filter = selectors.find((word) => word.includes('='))
  if (filter !== undefined)
    misuse(`${filter}: filters go into --where '${filter}', so that they are not taken for values to set`)
  if (assignments.length === 0) misuse('say what to set: field=value, such as memory_mib=2048')
  refuseInstall(assignments, selectors.join(' '))
  const select = checkedWords(selectors, options.where)
  await changeRows(session, [{ edit: 'set machines', select, words: given }], options)
}

/** Before anything is asked. */
const parsed = (words: readonly string[]): readonly Assignment[] =>
  words.map((word) => parseAssignment('machines', word))

/** Arming is more than a field: it checks the machine and its image, names the disk, and mints the token. */
function refuseInstall(assignments: readonly Assignment[], names: string): void {
  if (assignments.some((one) => one.kind === 'column' && one.column === 'boot' && one.value === 'install'))
    misuse(`boot=install: a field can't arm an install; do it with: bootstead machine install ${names}`)
}

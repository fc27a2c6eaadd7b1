// bootstead explain: what a machine would be answered on each door, and where every value comes from. Opens no socket.
import type { Command } from 'commander'
import { Option } from 'commander'
import type { Platform } from '../plan/dhcp/clients.ts'
import { platforms } from '../plan/dhcp/clients.ts'
import type { Origin } from '../plan/settings.ts'
import type { ExplainedAnswer, ExplainedValue, Explanation, ExplainStage } from '../render/explain.ts'
import { explainStages } from '../render/explain.ts'
import { revisionHelp } from '../manage/revisions.ts'
import type { Session } from './session.ts'
import { alignColumns } from './table.ts'

type Options = Readonly<{ arch: Platform; stage: ExplainStage; at?: string; text?: boolean; json?: boolean }>

export function registerExplain(program: Command, session: Session): void {
  program
    .command('explain')
    .description('what a machine would be answered on each door, and where every value comes from; opens no socket')
    .argument('<name|mac>', 'host name, or a MAC, of the inventory or not')
    .addOption(new Option('--arch <platform>', 'the firmware that asks').choices(platforms).default('bios'))
    .addOption(
      new Option('--stage <stage>', 'who asks: the firmware, iPXE, GRUB, or UEFI HTTP boot')
        .choices(explainStages)
        .default('firmware'),
    )
    .option('--at <revision>', `as it was at ${revisionHelp}`)
    .option('--text', 'print menus and the kickstart whole')
    .option('--json', 'print JSON')
    .action(async (target: string, options: Options) => {
      const { arch, stage, at = null } = options
      const explanation = await session.site().explain(target, { arch, stage, at })
      if (options.json === true) session.printJson(explanation)
      else session.print(describe(explanation, options.text === true))
    })
}

function describe(explanation: Explanation, withText: boolean): string {
  const { machine, arch, stage, plan, why, findings } = explanation
  const head = [
    `${machine ?? 'a stranger'} (${arch}, ${stage}): ${plan === 'ignore' ? 'no answer' : plan}`,
    `  because ${why}`,
  ]
  const found = findings.map(
    (finding) => `  ${finding.severity}: ${finding.table} ${finding.key}: ${finding.field}: ${finding.message}`,
  )
  const answers = explanation.answers.map((answer, index) => describeAnswer(answer, index + 1, withText))
  const settings =
    explanation.settings.length === 0 ? [] : ['', 'what else decides', describeValues(explanation.settings)]
  return [...head, ...found, ...answers, ...settings].join('\n')
}

function describeAnswer(
  { door, asks, answer, values, text }: ExplainedAnswer,
  number: number,
  withText: boolean,
): string {
  const body = withText && text !== null ? [text.trimEnd().replaceAll(/^/gm, '    | ')] : []
  return [
    '',
    `${number}. ${door.toUpperCase()} ${asks}`,
    `   ${answer}`,
    ...(values.length === 0 ? [] : [describeValues(values)]),
    ...body,
  ].join('\n')
}

function describeValues(values: readonly ExplainedValue[]): string {
  const rows = values.map(({ name, value, origin }) => [name, value, describeOrigin(origin)])
  return alignColumns(['name', 'value', 'from'], rows).split('\n').slice(1).join('\n').replaceAll(/^/gm, '     ')
}

function describeOrigin({ layer, row, column }: Origin): string {
  if (layer === 'default') return row === '' ? `default (${column})` : `${row}: ${column}`
  return `${layer} ${row}: ${column}`
}

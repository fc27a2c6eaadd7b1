// bootstead explain: what a machine would be answered on each door, and where every value comes from. Opens no socket.
import type { Command } from 'commander'
import { Option } from 'commander'
import { parseMac } from '../inventory/address.ts'
import type { MacAddress } from '../inventory/address.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { selectMachines } from '../inventory/select.ts'
import type { Platform } from '../plan/dhcp/clients.ts'
import { platforms } from '../plan/dhcp/clients.ts'
import type { Origin } from '../plan/settings.ts'
import { settingsOf } from '../plan/settings.ts'
import type { ExplainedAnswer, ExplainedValue, Explanation, ExplainStage } from '../render/explain.ts'
import { explainBoot, explainStages } from '../render/explain.ts'
import { templateEngine } from '../render/templates.ts'
import { fail } from './failure.ts'
import { loadPast, revisionHelp } from './revision.ts'
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
      const explanation = await explain(session, target, options)
      if (options.json === true) session.printJson(explanation)
      else session.print(describe(explanation, options.text === true))
    })
}

async function explain(session: Session, target: string, { arch, stage, at }: Options): Promise<Explanation> {
  const today = await session.loadSnapshot()
  const { snapshot, now } =
    at === undefined ? { snapshot: today, now: session.io.now() } : await loadPast(session, today, at)
  const { mac, hostname } = identify(session, snapshot, target)
  const context = {
    snapshot,
    server: session.server(),
    known: session.known(),
    now,
    engine: templateEngine(session.templates()),
  }
  return explainBoot(context, mac, hostname, arch, stage)
}

function identify(
  session: Session,
  snapshot: Snapshot,
  target: string,
): Readonly<{ mac: MacAddress; hostname: string | null }> {
  const mac = parseMac(target)
  if (mac !== null) return { mac, hostname: snapshot.byMac.get(mac)?.[0]?.machine ?? null }
  const [machine] = selectMachines(snapshot, [target])
  if (machine === undefined) fail(`there is no machine ${target}`)
  const own = settingsOf(snapshot, machine, session.server()).mac.value
  if (own === null) fail(`machine ${machine.hostname} has no interface with a MAC, so nothing can ask for it; add one`)
  return { mac: own, hostname: machine.hostname }
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

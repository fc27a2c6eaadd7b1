// `bootstead config`: every setting, its value, and where that came from.
import type { Command } from 'commander'
import { withoutPassword } from '../inventory/store/open.ts'
import type { Session } from './session.ts'
import { fileKeyOf, settingNames } from './settings.ts'
import { alignColumns, showValue } from './table.ts'

export function registerConfig(program: Command, session: Session): void {
  program
    .command('config')
    .description('show every setting, its value and where it came from')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: boolean }) => {
      const { config, origins, file } = session.resolution()
      const rows = settingNames.map((name) => ({
        name: fileKeyOf(name),
        value: redacted(config[name]),
        origin: origins[name],
      }))
      if (json === true) return session.printJson({ file, settings: rows })
      session.print(
        alignColumns(
          ['setting', 'value', 'from'],
          rows.map(({ name, value, origin }) => [name, showValue(value), origin]),
        ),
      )
      session.note(file === null ? 'no bootstead.yaml was found' : `configuration file: ${file}`)
    })
}

/** Passwords stay where they are. */
function redacted(value: unknown): unknown {
  return typeof value === 'string' ? withoutPassword(value) : value
}

// `bootstead config`: every setting, its value, and where that came from.
import type { Command } from 'commander'
import { withoutPassword } from '../inventory/store/open.ts'
import type { Session } from './session.ts'
import { hidden } from '../inventory/secrets.ts'
import type { SettingName } from './settings.ts'
import { fileKeyOf, settingNames } from './settings.ts'
import { showValue } from '../manage/row-changes.ts'
import { alignColumns } from './table.ts'
import { typedTargets } from './targets-setting.ts'

export function registerConfig(program: Command, session: Session): void {
  program
    .command('config')
    .description('show every setting, its value and where it came from')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: boolean }) => {
      const { config, origins, file } = session.resolution()
      const rows = settingNames.map((name) => ({
        name: fileKeyOf(name),
        value: name === 'targets' ? typedTargets(config.targets) : shown(name, config[name]),
        origin: origins[name],
      }))
      if (json === true) return session.printJson({ file, settings: rows })
      const cells = rows.flatMap(({ name, value, origin }) =>
        flattened(name, value).map(([path, shown]) => [path, shown, origin]),
      )
      session.print(alignColumns(['setting', 'value', 'from'], cells))
      session.note(file === null ? 'no bootstead.yaml was found' : `configuration file: ${file}`)
    })
}

/** A line for each key of each target. */
function flattened(name: string, value: unknown): readonly (readonly [name: string, value: string])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[name, showValue(value)]]
  const within = Object.entries(value)
  return within.length === 0 ? [[name, '']] : within.flatMap(([key, one]) => flattened(`${name}.${key}`, one))
}

/** Passwords and tokens stay where they are. */
function shown(name: SettingName, value: unknown): unknown {
  if (typeof value !== 'string') return value
  return name === 'token' ? hidden : withoutPassword(value)
}

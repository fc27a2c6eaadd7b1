// Options that several commands have.
import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'

/** `--limit N`, a whole number above zero. */
export function limitOption(what: string, byDefault: number): Option {
  return new Option('--limit <number>', `how many ${what}, the newest`).default(byDefault).argParser((text) => {
    if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('expected a whole number above zero.')
    return Number(text)
  })
}

/** Of every command that changes rows: ApplyOptions. */
export function withApplyOptions(command: Command): Command {
  return command
    .option('--dry-run', 'show what would change and change nothing')
    .option('--force', 'also when machines would be withheld because of it')
    .option('--json', 'as JSON')
}

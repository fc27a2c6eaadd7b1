// Options that several commands have.
import { InvalidArgumentError, Option } from 'commander'

/** `--limit N`, a whole number above zero. */
export function limitOption(what: string, byDefault: number): Option {
  return new Option('--limit <number>', `how many ${what}, the newest`).default(byDefault).argParser((text) => {
    if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('expected a whole number above zero.')
    return Number(text)
  })
}

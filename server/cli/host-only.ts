// Commands that are about the host they run on: with a server named they would do it to the wrong one.
import type { Command } from 'commander'
import { misuse } from './failure.ts'
import type { Session } from './session.ts'

const noWayIn = 'an API token gives nobody a way in'
const why: Readonly<Record<string, string>> = {
  serve: 'it opens the doors of the host it runs on',
  loaders: 'it collects files of the host it runs on',
  mirror: "it copies rows between the site's databases",
  doctor: 'it examines the databases and the host themselves',
  'image add': "it brings files into the server's state folder",
  'image check': "it reads files in the server's state folder",
  'image rm': "it removes files from the server's state folder",
  'user add': noWayIn,
  'user set': noWayIn,
  'user passwd': noWayIn,
  'user invite': noWayIn,
  'token add': noWayIn,
  'dom0 run': 'it runs ssh with the keys and the configuration of the host it runs on',
}

/** @throws UsageError when the command can't be done by asking the server */
export function refuseHostOnly(session: Session, command: Command): void {
  const words = wordsOf(command)
  const reason = why[words[0] ?? ''] ?? why[words.join(' ')]
  if (reason === undefined) return
  const { config, origins } = session.resolution()
  if (config.server !== null)
    misuse(
      `${words.join(' ')} does not work over the API: ${reason}; run it on the server's host, without server (${origins.server})`,
    )
}

/** `image add`, without the program's own name. */
const wordsOf = (command: Command): readonly string[] =>
  command.parent === null ? [] : [...wordsOf(command.parent), command.name()]

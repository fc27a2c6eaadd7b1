// What the running Kea says of a configuration that is about to be published: its version, hooks and interfaces decide.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { mainPath } from '../render/daemons/check.ts'
import { expandKea } from '../render/daemons/kea-json.ts'
import type { Check, CheckVerdict } from './disk/check.ts'
import { MissingProgram } from './disk/command.ts'
import { breathing } from './disk/durable.ts'
import { askKea, KeaAway, resultName } from './kea-control.ts'

/**
 * `kea-dhcp4 -t` first. One of the two is enough when the other can't be asked: the program is not installed here, or the
 * daemon is down.
 * @param checker the first, which leaves the whole configuration in the scratch folder
 */
export function withConfigTest(checker: Check, socket: string): Check {
  return async (root, scratch) => {
    const verdict = await checker(root, scratch).catch((error: unknown) => {
      if (error instanceof MissingProgram) return error
      throw error
    })
    if (!(verdict instanceof Error) && !verdict.ok) return verdict
    try {
      return await configTest(join(scratch, mainPath(0)), socket)
    } catch (error) {
      if (!(error instanceof KeaAway)) throw error
      if (verdict instanceof Error) throw verdict
      return { ok: true, note: `config-test was left out: ${error.message}` }
    }
  }
}

async function configTest(main: string, socket: string): Promise<CheckVerdict> {
  const read = (path: string): string => readFileSync(path, 'utf8')
  const { pieces, placeOf } = expandKea({ path: main, text: read(main) }, read)
  const json = await gather(pieces).catch((error: unknown) => error)
  if (typeof json !== 'string') return { ok: false, output: `${json instanceof Error ? json.message : String(json)}\n` }
  const { result, text } = await askKea(socket, 'config-test', json)
  if (result === 0) return { ok: true }
  const placed = text.replaceAll(/<wire>:(\d+)/g, (there, line: string) => placeOf(Number(line)) ?? there)
  return { ok: false, output: `${placed}\n${socket} config-test: ${resultName(result)}\n` }
}

/** @throws what is wrong with the files */
async function gather(pieces: Iterable<string>): Promise<string> {
  const breathe = breathing()
  const gathered: string[] = []
  for (const piece of pieces) {
    await breathe()
    gathered.push(piece)
  }
  return gathered.join('')
}

// What administrators and other programs do to an inventory while it is served: by the command line, by import, and by SQL.
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { hostnameOf, ipOf, macOf, root } from '../bench/farm.ts'
import type { MariaDb } from '../mariadb.ts'

export type Change = (turn: number) => Promise<void>

const run = promisify(execFile)

/** @param count machines of the farm; those that are imported here come behind them */
export function changesOf(inventory: string, state: string, database: MariaDb, count: number): readonly Change[] {
  const env = { ...process.env, BOOTSTEAD_INVENTORY: inventory, BOOTSTEAD_STATE: state }
  const command = async (...words: readonly string[]): Promise<void> => {
    await run(join(root, 'bin/bootstead'), words, { env })
  }
  const name = (turn: number): string => hostnameOf(1 + ((turn * 37) % count))
  const sql: Change = (turn) => {
    database.sql(`UPDATE soak.machines SET notes = 'rack ${turn}' WHERE hostname = '${name(turn)}'`)
    return Promise.resolve()
  }
  return [
    sql,
    async (turn) => command('machine', 'set', name(turn), `notes=turn ${turn}`, `params.rack=r${turn % 50}`),
    sql,
    async () => command('install', 'node*', '--where', 'boot=local'), // whoever boots meanwhile keeps its token
    sql,
    async (turn) => {
      const index = count + 1 + (turn % 50)
      const nic = `{eth0: {mac: '${macOf(index)}', ip: ${ipOf(index)}, network: bench}}`
      const file = join(state, 'more.yaml')
      await writeFile(
        file,
        `machines:\n  ${hostnameOf(index)}: {profile: el9, disk: sda, notes: turn ${turn}, interfaces: ${nic}}\n`,
      )
      await command('import', file)
    },
  ]
}

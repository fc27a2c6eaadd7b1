// The program: one command line, run in this process.
import { processIo } from './cli/io.ts'
import { run } from './cli/program.ts'

/** @param argv as process.argv has it: node, the script, the words */
export async function main(argv: readonly string[]): Promise<void> {
  process.exitCode = await run(argv.slice(2), processIo())
}

// A daemon's view of what is published: opens the files of a list again and again, `node --import tsx reader.ts LIST`.
// On SIGTERM it says what it saw. It leaves most of a processor alone: it looks, it is no load.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

export type Seen = Readonly<{ opens: number; absences: number }>

const opensPerLook = 50
const paths = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as readonly string[]
const seen = { opens: 0, absences: 0 }

process.on('SIGTERM', () => {
  writeSync(1, JSON.stringify(seen satisfies Seen))
  process.exit(0)
})
process.stdout.write('reading\n')
for (;;) {
  for (let look = 0; look < opensPerLook; look++) open(paths[seen.opens++ % paths.length] ?? '')
  await delay(1)
}

function open(path: string): void {
  try {
    closeSync(openSync(path, 'r'))
  } catch {
    seen.absences++
  }
}

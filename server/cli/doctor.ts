// `bootstead doctor`: what stands in the way of the databases and of this host, and what mends it. Changes nothing itself.
import type { Command } from 'commander'
import { allFindings } from '../inventory/findings.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import type { Complaint } from '../inventory/store/doctor.ts'
import { examineStore, hasTables } from '../inventory/store/doctor.ts'
import { examineViews } from '../inventory/store/doctor-views.ts'
import type { Store } from '../inventory/store/open.ts'
import { closeStore, openStore, withoutPassword } from '../inventory/store/open.ts'
import { readSnapshot } from '../inventory/store/read.ts'
import { closeViews, openViews } from '../inventory/store/views.ts'
import type { HostComplaint } from './doctor-host.ts'
import { examineHost } from './doctor-host.ts'
import { fail } from './failure.ts'
import { describeError } from '../manage/failure.ts'
import type { Session } from './session.ts'
import { count } from './table.ts'

type Options = Readonly<{ admin?: string; json?: boolean }>

export function registerDoctor(program: Command, session: Session): void {
  program
    .command('doctor')
    .description(
      'check the databases (grants, views, types, collations, clocks, indexes) and this host (ports, neighbours, addresses); print the SQL and commands that mend',
    )
    .option('--admin <address>', "mysql://… of one who may see the views' statements, to name tables below them")
    .option('--json', 'as JSON')
    .action((options: Options) => examine(session, options))
}

async function examine(session: Session, { admin, json }: Options): Promise<void> {
  const { inventory } = session.config()
  const store = openStore(inventory) // not the session's: that one would run the migrations
  try {
    const snapshot = await read(inventory, async () => ((await hasTables(store)) ? readSnapshot(store) : null))
    const complaints = [
      ...(await read(inventory, () => examineStore(store))),
      ...(await examineSite(session, admin, snapshot)),
      ...(await examineHost(session.config(), session.server(), snapshot)),
    ]
    const rows = snapshot === null ? null : quality(session, snapshot)
    if (json === true) session.printJson({ complaints, rows })
    else print(session, store, complaints, rows)
    const toMend = complaints.filter(({ severity }) => severity === 'mend').length
    if (toMend > 0) fail(`${count(toMend, 'thing')} to mend`)
  } finally {
    await closeStore(store)
  }
}

async function examineSite(
  session: Session,
  admin: string | undefined,
  snapshot: Snapshot | null,
): Promise<readonly Complaint[]> {
  const views = session.views()
  if (views === null) return []
  const above = admin === undefined ? null : openViews(admin)
  try {
    return await read(views.label, () => examineViews(views, above?.db ?? null, snapshot))
  } finally {
    if (above !== null) await closeViews(above)
  }
}

async function read<T>(address: string, body: () => Promise<T>): Promise<T> {
  return body().catch((error: unknown) =>
    fail(`${withoutPassword(address)} can't be examined: ${describeError(error)}`),
  )
}

type Quality = Readonly<{ machines: number; withheld: number; refused: number }>

function quality(session: Session, snapshot: Snapshot): Quality {
  const withheld = [...allFindings(snapshot, session.known())].filter(({ severity }) => severity === 'withheld')
  return {
    machines: snapshot.machines.size,
    withheld: new Set(withheld.map(({ machine }) => machine)).size,
    refused: [...snapshot.unreadable.values()].flat().length,
  }
}

function print(
  session: Session,
  { label }: Store,
  complaints: readonly (Complaint | HostComplaint)[],
  rows: Quality | null,
): void {
  for (const complaint of complaints) {
    const { severity, about, what, why } = complaint
    const mends = 'sql' in complaint ? complaint.sql : complaint.commands
    session.print([`${severity}: ${about}: ${what}`, ...[why, ...mends].map((line) => `  ${line}`)].join('\n'))
  }
  if (complaints.length === 0) session.print('nothing to mend')
  session.note(
    rows === null
      ? `${label} has no tables of Bootstead's yet; the first command that needs them makes them`
      : `${count(rows.machines, 'machine')}, ${rows.withheld} withheld, ${count(rows.refused, 'row')} can't be read; bootstead check names them`,
  )
}

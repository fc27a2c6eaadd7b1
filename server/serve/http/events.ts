// What machines report: `POST /events/HOSTNAME` with the machine's token, as a form or as JSON.
import type { Request, RequestHandler, Response } from 'express'
import express from 'express'
import { z } from 'zod'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { isKnown } from '../../inventory/snapshot.ts'
import type { NewEvent } from '../../inventory/store/record.ts'
import { isoTime } from '../../inventory/store/record.ts'
import type { Token } from '../../inventory/rows.ts'
import { addressObstacle, checkToken } from '../../plan/access.ts'
import { reportedStages } from '../../plan/states.ts'
import { plainAddress, secretOf } from './app.ts'

export type EventReports = Readonly<{
  snapshot: () => Snapshot
  note: (event: NewEvent) => void
  installed: (token: Token, event: NewEvent) => Promise<boolean>
  verifyAddress: boolean
}>

const report = z.object({
  stage: z.enum(reportedStages, `expected a stage: one of ${reportedStages.join(', ')}`),
  detail: z.string().max(16_384, 'expected 16384 characters at most').optional(),
  progress: z.coerce.number('expected per cent').int().min(0).max(100).optional(),
})

export function eventRoute(reports: EventReports): readonly RequestHandler[] {
  const handle: RequestHandler = (request, response, next) => {
    takeReport(reports, request, response).catch(next)
  }
  return [express.urlencoded({ extended: false, limit: '64kb' }), express.json({ limit: '64kb' }), handle]
}

async function takeReport(reports: EventReports, request: Request, response: Response): Promise<void> {
  const hostname = String(request.params['hostname']).toLowerCase()
  const snapshot = reports.snapshot()
  const answer = (status: number, text: string): void =>
    void response.status(status).type('text/plain').send(`${text}\n`)
  if (!isKnown(snapshot, hostname)) return answer(404, `the inventory has no machine ${hostname}`)
  const peer = plainAddress(request.ip ?? '')
  const elsewhere = reports.verifyAddress ? addressObstacle(snapshot, hostname, peer) : null
  if (elsewhere !== null) return answer(403, elsewhere)
  const parsed = report.safeParse(request.body ?? {})
  if (!parsed.success)
    return answer(400, parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '))
  const { stage, detail, progress } = parsed.data
  const purposes = stage === 'installed' ? (['install'] as const) : (['install', 'machine'] as const)
  const before = stage === 'installed' ? reportedBefore(snapshot, hostname, secretOf(request)) : null
  if (before !== null) return answer(200, before)
  const verdict = checkToken(snapshot, hostname, secretOf(request), purposes, Date.now())
  if (!verdict.ok) return answer(403, verdict.why)
  const event = {
    machine: hostname,
    at: isoTime(Date.now()),
    stage,
    detail: detail === undefined ? null : withoutSecrets(printable(detail), snapshot.tokens.get(hostname) ?? []),
    progress: progress ?? null,
    door: 'http',
    peer,
  }
  if (stage !== 'installed') {
    reports.note(event)
    return answer(202, 'noted')
  }
  const counted = await reports.installed(verdict.token, event)
  return answer(200, counted ? `${hostname} boots from its disk from now on` : 'that install was reported before')
}

/** An installer whose report was taken but whose answer was lost reports again: that is no error, and changes nothing. */
function reportedBefore(snapshot: Snapshot, hostname: string, secret: string | null): string | null {
  const used = checkToken(snapshot, hostname, secret, ['install'], 0)
  return used.ok || used.usedAt === null ? null : `${hostname} was reported installed at ${used.usedAt}`
}

/** A console tail may hold anything; what is kept has no control characters but line ends and tabs. */
function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, '')
}

/** A console tail often shows the kernel's command line, and that has the token. */
function withoutSecrets(text: string, tokens: readonly Token[]): string {
  return tokens.reduce((shown, { secret }) => shown.replaceAll(secret, '(token)'), text)
}

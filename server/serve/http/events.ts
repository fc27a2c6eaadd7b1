// What machines report: `POST /events/HOSTNAME` with the machine's token, or its Dom0's, as a form or as JSON.
import type { Request, RequestHandler, Response } from 'express'
import express from 'express'
import { z } from 'zod'
import type { Snapshot } from '../../inventory/snapshot.ts'
import { isKnown } from '../../inventory/snapshot.ts'
import type { ConsoleRow } from '../../inventory/store/open.ts'
import type { NewEvent } from '../../inventory/store/record.ts'
import { isoTime } from '../../inventory/store/record.ts'
import type { Token } from '../../inventory/rows.ts'
import { checkReport } from '../../plan/access.ts'
import { reportedStages } from '../../plan/states.ts'
import type { Timeline } from '../timeline.ts'
import { secretOf } from './app.ts'
import { plainAddress } from './peers.ts'
import { consoleTail, reportedText } from './reported-text.ts'

export type EventReports = Readonly<{
  snapshot: () => Snapshot
  timeline: Pick<Timeline, 'report'>
  hear: (heard: ConsoleRow) => void
  installed: (token: Token, event: NewEvent) => Promise<boolean>
  verifyAddress: boolean
}>

/** A console and a detail of 16,384 characters each, every one of them percent-encoded UTF-8, fit. */
const limit = '256kb'

const report = z.object({
  stage: z.enum(reportedStages, `expected a stage: one of ${reportedStages.join(', ')}`),
  detail: z.string().max(16_384, 'expected 16384 characters at most').optional(),
  progress: z.coerce.number('expected per cent').int().min(0).max(100).optional(),
  console: z.string('expected the end of a console log').optional(),
})

export function eventRoute(reports: EventReports): readonly RequestHandler[] {
  const handle: RequestHandler = (request, response, next) => {
    takeReport(reports, request, response).catch(next)
  }
  return [express.urlencoded({ extended: false, limit }), express.json({ limit }), handle]
}

async function takeReport(reports: EventReports, request: Request, response: Response): Promise<void> {
  const hostname = String(request.params['hostname']).toLowerCase()
  const snapshot = reports.snapshot()
  const answer = (status: number, text: string): void =>
    void response.status(status).type('text/plain').send(`${text}\n`)
  if (!isKnown(snapshot, hostname)) return answer(404, `the inventory has no machine ${hostname}`)
  const parsed = report.safeParse(request.body ?? {})
  if (!parsed.success)
    return answer(400, parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '))
  const { stage, detail, progress, console } = parsed.data
  const peer = plainAddress(request.ip ?? '')
  const verdict = checkReport(snapshot, {
    hostname,
    stage,
    secret: secretOf(request),
    address: reports.verifyAddress ? peer : null,
    now: Date.now(),
  })
  // An installer whose report was taken but whose answer was lost reports again: that is no error, and changes nothing.
  if (!verdict.ok && verdict.usedAt !== null && stage === 'installed')
    return answer(200, `${hostname} was reported installed at ${verdict.usedAt}`)
  if (!verdict.ok) return answer(403, verdict.why)
  const event = {
    machine: hostname,
    at: isoTime(Date.now()),
    stage,
    detail: detail === undefined ? null : reportedText(snapshot, hostname, detail),
    progress: progress ?? null,
    door: verdict.by === 'dom0' ? 'dom0' : 'http',
    peer,
  }
  const tail = console === undefined ? null : consoleTail(snapshot, hostname, console)
  if (stage !== 'installed') {
    reports.timeline.report({ event, install: installOf(snapshot, hostname), console: tail })
    return answer(202, 'noted')
  }
  if (tail !== null) reports.hear({ machine: hostname, at: event.at, tail })
  const counted = await reports.installed(verdict.token, event)
  return answer(200, counted ? `${hostname} boots from its disk from now on` : 'that install was reported before')
}

/** By its tokens: every arming makes new ones, and the end of an install takes some away. */
function installOf(snapshot: Snapshot, hostname: string): string {
  return (snapshot.tokens.get(hostname) ?? []).map(({ id }) => id).join(' ')
}

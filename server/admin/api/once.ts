// Idempotency-Key: a request that is sent again, because its answer was lost, is not done again.
import { createHash } from 'node:crypto'
import { canonicalJson } from '../../inventory/encode.ts'
import { beginRequest, endRequest, forgetRequest } from '../../inventory/store/idempotency.ts'
import { HttpRefusal } from '../refusal.ts'
import type { Answer, Call } from './endpoint.ts'

export const idempotencyKey = {
  'Idempotency-Key':
    'any text that is new for this request: sent again within a day it is answered the same, and nothing is done again',
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** @throws HttpRefusal 409 while the same is being done, 422 when the key was another request's */
export async function once(
  { visit, desk, query, body }: Pick<Call<unknown, unknown>, 'visit' | 'desk' | 'query' | 'body'>,
  work: () => Promise<Answer>,
): Promise<Answer> {
  const { request } = visit
  const given = request.get('idempotency-key')
  if (given === undefined) return work()
  const key = sha256(`${desk.who}\0${given}`)
  const asked = sha256(canonicalJson([request.method, request.path, query ?? null, body ?? null]))
  const known = await beginRequest(desk.store, key, asked, desk.now())
  switch (known.kind) {
    case 'answered':
      return { ...(JSON.parse(known.answer) as Answer), headers: { 'Idempotency-Replayed': 'true' } }
    case 'open':
      throw new HttpRefusal(
        409,
        'a request with this Idempotency-Key was begun, and its end is not known; look at what it was about',
      )
    case 'other request':
      throw new HttpRefusal(422, 'this Idempotency-Key was that of another request; make a new one for each')
    case 'new':
      break
    default:
      return known satisfies never
  }
  const answer = await work().catch(async (error: unknown) => {
    await forgetRequest(desk.store, key)
    throw error
  })
  await endRequest(desk.store, key, JSON.stringify(answer))
  return answer
}

// A transfer against a client that keeps to RFC 1350 and 7440, over a wire that loses, doubles and delays: time is a number.
import assert from 'node:assert/strict'
import type { Negotiated } from '../../../../server/serve/tftp/options.ts'
import { openTransfer, type Step } from '../../../../server/serve/tftp/transfer.ts'

export type Wire = Readonly<{
  /** From 0 to 1, of each packet in either direction. */
  loss: number
  duplicates: number
  /** A packet takes from nothing up to this: those behind it may overtake it. */
  delayMs: number
}>

type Course = Readonly<{
  end: 'complete' | 'given-up'
  why: string | null
  /** Whether the client has every block, each once and in order; it may be so though the last ACK was lost. */
  isWhole: boolean
  /** DATA and OACK that were sent, ACKs that arrived, and waits that ended with nothing heard. */
  sent: number
  heard: number
  waits: number
  /** How often each block was sent, from 1. */
  timesSent: readonly number[]
  tookMs: number
}>

/** `random` gives numbers from 0 up to 1. */
export function transferOver(negotiated: Negotiated, size: number, wire: Wire, random: () => number): Course {
  const { blksize, windowsize } = negotiated
  const blocks = Math.floor(size / blksize) + 1
  const transfer = openTransfer(negotiated, size)
  const events: { at: number; run: () => void }[] = []
  const count = { sent: 0, heard: 0, waits: 0 }
  const timesSent = new Array<number>(blocks).fill(0)
  let now = 0
  let wait = 0
  let end = null as Extract<Step, { kind: 'complete' | 'given-up' }> | null
  const client = { got: 0, acked: -1, impatience: 0 }

  const after = (ms: number, run: () => void): void => void events.push({ at: now + ms, run })
  function carry(deliver: () => void): void {
    const copies = random() < wire.loss ? 0 : random() < wire.duplicates ? 2 : 1
    for (let copy = 0; copy < copies; copy++) after(random() * wire.delayMs, deliver)
  }

  function take(step: Step): void {
    if (step.kind === 'nothing') return
    wait++
    if (step.kind === 'complete' || step.kind === 'given-up') return void (end = step)
    const mine = wait
    after(step.waitMs, () => {
      if (mine !== wait || end !== null) return
      count.waits++
      take(transfer.waited())
    })
    if (step.kind === 'oack') {
      count.sent++
      return carry(() => client.got === 0 && acknowledge(0))
    }
    for (let block = step.first; block <= step.last; block++) {
      assert.ok(block >= 1 && block <= blocks, `block ${block} of ${blocks}`)
      count.sent++
      timesSent[block - 1] = (timesSent[block - 1] ?? 0) + 1
      carry(() => receive(block & 0xffff))
    }
  }

  function acknowledge(block: number): void {
    client.acked = block
    const mine = ++client.impatience
    after(1500, () => {
      if (mine === client.impatience && client.got < blocks && end === null) acknowledge(client.got)
    })
    carry(() => {
      if (end !== null) return
      count.heard++
      take(transfer.acknowledged(block & 0xffff))
    })
  }

  function receive(onWire: number): void {
    if (onWire !== ((client.got + 1) & 0xffff)) {
      // In lock-step an old block is acknowledged again, as many clients do; a gap in a window is told once.
      if (windowsize === 1 || client.got === blocks || client.acked !== client.got) acknowledge(client.got)
      return
    }
    client.got++
    if (client.got === blocks || client.got - Math.max(client.acked, 0) >= windowsize) acknowledge(client.got)
  }

  take(transfer.begin())
  while (end === null) {
    const next = events.reduce((a, b) => (b.at < a.at ? b : a))
    events.splice(events.indexOf(next), 1)
    now = next.at
    next.run()
  }
  return {
    end: end.kind,
    why: end.kind === 'given-up' ? end.why : null,
    isWhole: client.got === blocks,
    ...count,
    timesSent,
    tookMs: now,
  }
}

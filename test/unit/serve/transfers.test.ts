import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TransferEnd } from '../../../server/serve/tftp/door.ts'
import { describeEnd, describeProgress, describeRefusal } from '../../../server/serve/transfers.ts'

const peer = { address: '192.0.2.7', port: 1234 }
const end: TransferEnd = {
  path: 'pxelinux.0',
  peer,
  outcome: 'complete',
  why: null,
  bytes: 1000,
  size: 1000,
  durationMs: 5,
}

describe('transfers in the timeline', () => {
  test('one that was completed is the file’s name', () => {
    assert.equal(describeEnd(end), 'pxelinux.0 over tftp')
  })

  test('one that was broken off says how far it came and why', () => {
    const why = 'no answer to block 120 of 266'
    assert.equal(
      describeEnd({ ...end, outcome: 'aborted', why, bytes: 459 }),
      `pxelinux.0 over tftp: broken off at 45 % (${why})`,
    )
    assert.match(describeEnd({ ...end, outcome: 'aborted', why, bytes: 0, size: 0 }) ?? '', /at 0 %/)
  })

  test('a question for the size is no news', () => {
    assert.equal(describeEnd({ ...end, outcome: 'declined', why: 'the client ended it', bytes: 0 }), null)
  })

  test('a refusal is news with its reason; a name that loaders only try is none, nor one that nobody would write', () => {
    const absent = { kind: 'refused', status: 404, why: 'no such file', hostname: null } as const
    const secret = { kind: 'refused', status: 403, why: 'the token was used up', hostname: 'a' } as const
    assert.equal(describeRefusal('http', 'ks/a', secret), 'ks/a over http: refused (the token was used up)')
    for (const path of ['pxelinux.0', 'images/el9/initrd.img'])
      assert.equal(describeRefusal('tftp', path, absent), `${path} over tftp: refused (no such file)`)
    for (const path of ['pxelinux.cfg/default', 'grub/x86_64-efi/fs.lst', 'images/\n', `images/${'x'.repeat(999)}`])
      assert.equal(describeRefusal('tftp', path, absent), null)
  })

  test('a long one says how far it is', () => {
    assert.equal(
      describeProgress({ path: 'initrd.img', peer, bytes: 999, size: 1000 }),
      'initrd.img over tftp: 99 % so far',
    )
  })
})

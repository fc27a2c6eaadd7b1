import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mirrorOf } from '../../../server/plan/mirror.ts'

test('choose-mirror: a mirror is a host and a directory, and a tree lies below its dists/', () => {
  const shown = [
    'http://deb.debian.org/debian/dists/bookworm',
    'http://mirror.example.org/debian/dists/bookworm/main/installer-amd64/current/images/netboot',
    'http://192.0.2.1:8080/repo/debian12/',
    'HTTPS://mirror.example.org',
    '',
  ].map((url) => {
    const mirror = mirrorOf(url)
    return mirror === null ? null : `${mirror.protocol} ${mirror.host} ${mirror.directory}`
  })
  assert.deepEqual(shown, [
    'http deb.debian.org /debian',
    'http mirror.example.org /debian',
    'http 192.0.2.1:8080 /repo/debian12',
    'https mirror.example.org /',
    'http deb.debian.org /debian',
  ])
})

test('what is not on HTTP is no mirror', () => {
  for (const url of ['nfs:192.0.2.9:/export', 'ftp://mirror.example.org/debian', 'http://'])
    assert.equal(mirrorOf(url), null)
})

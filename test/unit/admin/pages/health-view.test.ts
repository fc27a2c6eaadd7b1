// Health in words: what is well, what isn't, and which servers there are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { healthView } from '../../../../server/admin/pages/health-view.ts'
import type { KnownServer } from '../../../../server/serve/presence.ts'

const server = (more: Partial<KnownServer>): KnownServer => ({
  ...{ name: 'boot1', folder: '/var/lib/bootstead', version: '0.1.0', addresses: ['192.0.2.1'], revision: 90 },
  doors: [
    { door: 'dhcp', at: '0.0.0.0:67', note: '' },
    { door: 'tftp', at: null, note: 'switched off by the setting doors' },
  ],
  ...{ status: 'ok', isThis: false, silentMs: 0, isStale: false },
  ...more,
})

const said = (told: object, missing: readonly string[] = []) =>
  healthView(told, missing).rows.map(({ name, said: text, tone }) => `${tone} ${name}: ${text}`)

test('each door is open somewhere, or closed for a reason', () => {
  assert.deepEqual(said({ servers: [server({ isThis: true })] }), [
    'good Database: ok',
    'good DHCP: at 0.0.0.0:67',
    'calm TFTP: switched off by the setting doors',
    'good Boot loaders: ok',
  ])
})

test('what is not well is said with its reason', () => {
  const told = {
    inventory: 'away since noon',
    views: 'not followed since noon: gone',
    targets: { tftpboot: 'disk full' },
  }
  assert.deepEqual(said(told, ['pxelinux.0', 'ipxe.efi']), [
    'bad Database: away since noon',
    "bad The site's own tables: not followed since noon: gone",
    'bad Boot loaders: pxelinux.0 and 1 more not collected: bootstead loaders collect --download',
    'bad Files of tftpboot: disk full',
  ])
})

test('a single server is not listed; of several each stands there, and those that are silent or behind are marked', () => {
  const own = server({ isThis: true })
  assert.deepEqual(healthView({ servers: [own] }, []).servers, [])
  const others = [
    server({ name: 'boot2', revision: 88 }),
    server({ name: 'boot3', isStale: true, silentMs: 240_000 }),
    server({ name: 'boot4', status: 'degraded' }),
  ]
  const shown = healthView({ servers: [own, ...others] }, []).servers
  assert.deepEqual(
    shown.map(({ name, tone, said: text }) => `${tone} ${name} ${text}`),
    ['good boot1 ok', 'good boot2 ok, 2 revisions behind', 'bad boot3 not heard of for 4 min', 'bad boot4 degraded'],
  )
  assert.deepEqual(shown[0]?.doors, ['DHCP 0.0.0.0:67'])
})

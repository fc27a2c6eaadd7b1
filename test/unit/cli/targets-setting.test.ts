import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolveConfig } from '../../../server/cli/config.ts'
import { UsageError } from '../../../server/cli/failure.ts'
import type { Config } from '../../../server/cli/settings.ts'
import { defaultPlace, typedTargets } from '../../../server/cli/targets-setting.ts'

const file = '/etc/bootstead/bootstead.yaml'

function configOf(yaml: string, env: Readonly<Record<string, string>> = {}): Config {
  return resolveConfig({
    flags: {},
    env: { BOOTSTEAD_STATE: '/state', ...env },
    cwd: '/here',
    home: '/home/op',
    isRoot: false,
    isTerminal: true,
    host: { read: (path) => (path === file ? yaml : null), exists: () => false, isWritable: () => false },
  }).config
}

const complaintsOf = (yaml: string, env?: Readonly<Record<string, string>>): readonly string[] => {
  try {
    configOf(yaml, env)
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error))
    return error.message.split('\n')
  }
  return assert.fail('it was taken')
}

describe('targets', () => {
  test('a target has its folder, its main file, and how its daemon is told', () => {
    const { targets } = configOf(`
targets:
  isc: { folder: /etc/dhcp/bootstead, main: /etc/dhcp/dhcpd.conf, reload: systemctl restart isc-dhcp-server }
  kea: { folder: /etc/kea/bootstead, control_socket: /run/kea/kea4-ctrl-socket, check: no }
  dnsmasq: { folder: /etc/bootstead-dnsmasq, reload: [systemctl, reload, dnsmasq], restart: systemctl restart dnsmasq }
`)
    assert.deepEqual(
      [...targets],
      [
        [
          'isc',
          {
            folder: '/etc/dhcp/bootstead',
            main: '/etc/dhcp/dhcpd.conf',
            check: true,
            reload: ['systemctl', 'restart', 'isc-dhcp-server'],
            restart: null,
            controlSocket: null,
          },
        ],
        [
          'kea',
          {
            folder: '/etc/kea/bootstead',
            main: null,
            check: false,
            reload: null,
            restart: null,
            controlSocket: '/run/kea/kea4-ctrl-socket',
          },
        ],
        [
          'dnsmasq',
          {
            folder: '/etc/bootstead-dnsmasq',
            main: null,
            check: true,
            reload: ['systemctl', 'reload', 'dnsmasq'],
            restart: ['systemctl', 'restart', 'dnsmasq'],
            controlSocket: null,
          },
        ],
      ],
    )
  })

  test('of a target that is only named everything is as by default', () => {
    for (const targets of [
      configOf('targets:\n  isc:\n  tftpboot: {}\n').targets,
      configOf('', { BOOTSTEAD_TARGETS: '{isc, tftpboot}' }).targets,
      configOf('', { BOOTSTEAD_TARGETS: '{"isc": null, "tftpboot": {}}' }).targets,
    ])
      assert.deepEqual(
        [...targets],
        [
          ['isc', defaultPlace('/state', 'isc')],
          ['tftpboot', defaultPlace('/state', 'tftpboot')],
        ],
      )
    assert.equal(defaultPlace('/state', 'isc').folder, '/state/generated/isc')
    assert.deepEqual([...configOf('').targets], [])
  })

  test('relative paths start at the folder of the file, those of a variable where the command was typed', () => {
    const typed = '{kea: {folder: ./kea/, main: ../kea.conf, control_socket: socket}}'
    const pathsOf = ({ targets }: Config) => {
      const place = targets.get('kea')
      return [place?.folder, place?.main, place?.controlSocket]
    }
    assert.deepEqual(pathsOf(configOf(`targets: ${typed}`)), [
      '/etc/bootstead/kea',
      '/etc/kea.conf',
      '/etc/bootstead/socket',
    ])
    assert.deepEqual(pathsOf(configOf('', { BOOTSTEAD_TARGETS: typed })), ['/here/kea', '/kea.conf', '/here/socket'])
  })

  test('typed again as bootstead.yaml writes them, they are the same', () => {
    const { targets } = configOf(`
targets:
  kea: { folder: /k, main: /m, control_socket: /s, reload: [sh, -c, "kill -HUP 12"] }
  dnsmasq: { reload: systemctl reload dnsmasq, restart: [a, 1] }
`)
    const typed = typedTargets(targets)
    assert.deepEqual(configOf(JSON.stringify({ targets: typed })).targets, targets)
    assert.deepEqual(typed['dnsmasq'], {
      folder: '/state/generated/dnsmasq',
      check: true,
      reload: 'systemctl reload dnsmasq',
      restart: 'a 1',
    })
  })

  test('every bad key and value is told with its line, and what is expected', () => {
    const yaml = `# ours
targets:
  isc:
    foldr: /x
    forks: 2
  kea: yes
  dnsmasq: {folder: [], check: perhaps}
  tftpboot:
    reload: a | b
  nginx: {}
regenerate: soon
`
    assert.deepEqual(
      complaintsOf(yaml).map((line) => line.replace(`${file} line `, '')),
      [
        '4: targets.isc.foldr is /x: expected folder, main, check, reload',
        '5: targets.isc.forks is 2: expected folder, main, check, reload',
        '6: targets.kea is yes: expected folder, main, check, reload, control_socket',
        '7: targets.dnsmasq.folder is []: expected a folder',
        '7: targets.dnsmasq.check is perhaps: expected true or false',
        '9: targets.tftpboot.reload is a | b: expected a program and its arguments, in words without quotes or anything else meant for a shell, or as a list',
        '10: targets.nginx is {"folder":"/state/generated/nginx"}: expected some of isc, kea, dnsmasq, tftpboot, each with its folder and what else it needs',
        '11: regenerate is soon: expected a number of seconds from 1 to 86400',
      ],
    )
  })

  test('a key is refused where it would mean nothing', () => {
    assert.deepEqual(
      complaintsOf(`targets:
  isc: {restart: systemctl restart x}
  kea: {restart: systemctl restart x}
  dnsmasq: {control_socket: /s}
  tftpboot: {main: /m}
`).map((line) => line.replace(`${file} line `, '')),
      [
        '2: targets.isc.restart is systemctl restart x: expected nothing: dhcpd takes up nothing but by a restart; give its command as reload',
        '3: targets.kea.restart is systemctl restart x: expected nothing: kea takes up everything by a reload',
        '4: targets.dnsmasq.control_socket is /s: expected nothing: it is of kea',
        '5: targets.tftpboot.main is /m: expected nothing: no daemon includes these files',
      ],
    )
  })

  test('a folder that no daemon can include is refused, and for a TFTP root taken', () => {
    assert.deepEqual(complaintsOf('targets:\n  isc: {folder: /etc/my dhcp}'), [
      `${file} line 2: targets.isc.folder is /etc/my dhcp: expected a folder of letters, digits, dots, dashes and underscores, or no daemon can include it`,
    ])
    assert.equal(
      configOf('targets: {tftpboot: {folder: /srv/my tftp}}').targets.get('tftpboot')?.folder,
      '/srv/my tftp',
    )
  })

  test('two targets in one folder would remove each other’s files', () => {
    assert.deepEqual(complaintsOf('targets:\n  kea: {folder: /srv/a}\n  tftpboot: {folder: /srv/b/../a/}'), [
      `${file} line 3: targets.tftpboot.folder is /srv/a: expected a folder of its own: kea has this one`,
    ])
  })

  test('what is no YAML, or no map, is refused as a whole', () => {
    for (const typed of ['{isc: {folder: [}', 'isc,tftpboot', '[isc]'])
      assert.match(
        complaintsOf('', { BOOTSTEAD_TARGETS: typed }).join(),
        /^BOOTSTEAD_TARGETS: targets is .*: expected some of isc, kea, dnsmasq, tftpboot, each with its folder/,
      )
  })
})

test('regenerate is a number of seconds, and never unless it is given', () => {
  assert.equal(configOf('').regenerate, null)
  assert.equal(configOf('regenerate: 2').regenerate, 2)
  assert.equal(configOf('', { BOOTSTEAD_REGENERATE: '10' }).regenerate, 10)
})

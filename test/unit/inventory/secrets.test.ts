import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { rowWithoutSecrets, textWithoutSecrets, withoutSecrets } from '../../../server/inventory/secrets.ts'

describe('a text as it may be shown', () => {
  for (const [text, shown] of [
    ['http://ann:s3cret@mirror.example.org:8080/own', 'http://(secret)@mirror.example.org:8080/own'],
    ['https://s3cret@mirror.example.org', 'https://(secret)@mirror.example.org'],
    ['http://ann:s@3cret@[2001:db8::1]/', 'http://(secret)@[2001:db8::1]/'],
    [
      '["http://ann:s3cret@a.example.org/","http://b.example.org/"]',
      '["http://(secret)@a.example.org/","http://b.example.org/"]',
    ],
    ['quiet rd.luks.password=s3cret console=ttyS0', 'quiet rd.luks.password=(secret) console=ttyS0'],
    ['api_token="s3 cret" next', 'api_token=(secret) next'],
    ['inst.ks=http://192.0.2.1/ks/web?token=s3cret&x=1', 'inst.ks=http://192.0.2.1/ks/web?token=(secret)&x=1'],
  ] as const)
    test(text, () => assert.equal(textWithoutSecrets(text), shown))

  for (const text of [
    'http://mirror.example.org/pub/el9@stable/',
    'ann@example.org',
    'quiet nameserver=192.0.2.2 ip=192.0.2.11::192.0.2.254:255.255.255.0:web:eth0:none',
    'its password is in the safe',
    '',
  ])
    test(`${text || 'nothing'}: has none`, () => assert.equal(textWithoutSecrets(text), text))
})

describe('a value as it may be shown', () => {
  test('what a secret’s name holds is hidden whole, at any depth, and everything else is there', () => {
    assert.deepEqual(
      withoutSecrets('', {
        rack: 7,
        bmc_password: ['a', 'b'],
        vpn: [{ private_key: 'k', port: 1194 }],
        proxy: 'http://a:b@p/',
      }),
      {
        rack: 7,
        bmc_password: '(secret)',
        vpn: [{ private_key: '(secret)', port: 1194 }],
        proxy: 'http://(secret)@p/',
      },
    )
  })

  test('that there is none of a secret’s name is no secret', () => {
    assert.equal(withoutSecrets('bmc_password', null), null)
    assert.equal(withoutSecrets('bmc_password', undefined), undefined)
  })
})

describe('a stored row as it may be shown', () => {
  test('its columns, the params in it and the value of a site row', () => {
    const row = {
      hostname: 'web',
      kernel_args: 'a.token=s3cret',
      vcpus: 2,
      params: '{"api_token":"s3cret","rack":"r1"}',
    }
    assert.deepEqual(rowWithoutSecrets(row), {
      hostname: 'web',
      kernel_args: 'a.token=(secret)',
      vcpus: 2,
      params: '{"api_token":"(secret)","rack":"r1"}',
    })
    assert.deepEqual(rowWithoutSecrets({ name: 'root_password_hash', value: '"s3cret"' }), {
      name: 'root_password_hash',
      value: '(secret)',
    })
    assert.deepEqual(rowWithoutSecrets({ name: 'proxy', value: '"http://a:b@p/"' }), {
      name: 'proxy',
      value: '"http://(secret)@p/"',
    })
  })

  test('params that are not JSON are hidden whole', () => {
    assert.deepEqual(rowWithoutSecrets({ params: 'api_token: s3cret' }), { params: '(secret)' })
  })
})

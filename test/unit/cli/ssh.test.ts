import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  remoteCommandLine,
  shellLine,
  shellWord,
  sshArguments,
  sshOptionProblem,
  sshOutcome,
} from '../../../server/cli/ssh.ts'

const root = { user: 'root', configFile: null, given: [] }

/** The value ssh takes: ssh_config(5), "for each parameter, the first obtained value will be used". */
function valueOf(words: readonly string[], name: string): string | undefined {
  const options = words.filter((_, index) => words[index - 1] === '-o')
  return options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1)
}

describe('what ssh is told', () => {
  test('host keys are checked and nothing is asked; name and command stand last', () => {
    const words = sshArguments(root, { hostname: 'acas0001', address: null }, 'true')
    assert.equal(valueOf(words, 'BatchMode'), 'yes')
    assert.equal(valueOf(words, 'StrictHostKeyChecking'), 'yes')
    assert.equal(valueOf(words, 'Hostname'), undefined)
    assert.deepEqual(words.slice(-5), ['-T', '-l', 'root', 'acas0001', 'true'])
    assert.ok(!words.includes('-F'))
  })

  test('the administrator’s options go before the defaults and behind what is fixed', () => {
    const given = ['ConnectTimeout=3', 'Port=2222']
    const words = sshArguments(
      { user: 'ops', configFile: '/srv/ssh config', given },
      { hostname: 'a', address: null },
      'true',
    )
    assert.equal(valueOf(words, 'ConnectTimeout'), '3')
    assert.equal(valueOf(words, 'Port'), '2222')
    assert.deepEqual(words.slice(0, 2), ['-F', '/srv/ssh config'])
    const forced = sshArguments(
      { ...root, given: ['StrictHostKeyChecking=no'] },
      { hostname: 'a', address: null },
      'true',
    )
    assert.equal(valueOf(forced, 'StrictHostKeyChecking'), 'yes')
  })

  test('an address is connected to under the machine’s name', () => {
    const words = sshArguments(root, { hostname: 'acas0001', address: '192.0.2.11' }, 'true')
    assert.equal(valueOf(words, 'Hostname'), '192.0.2.11')
    assert.equal(valueOf(words, 'HostKeyAlias'), 'acas0001')
    assert.equal(words.at(-2), 'acas0001', 'so that `Host acas*` of the configuration still holds')
  })

  test('options that would switch the checking off, or ask, are refused in any spelling', () => {
    assert.equal(sshOptionProblem('Port=22'), null)
    assert.equal(sshOptionProblem('ProxyJump=gate.example.org'), null)
    for (const option of ['StrictHostKeyChecking=no', 'stricthostkeychecking=accept-new', 'STRICTHOSTKEYCHECKING=off'])
      assert.match(sshOptionProblem(option) ?? '', /host keys are always checked/)
    assert.match(sshOptionProblem('batchmode=no') ?? '', /BatchMode=yes/)
    for (const option of ['Port', 'Port=', '=22', 'Port 22', '-oPort=22', ''])
      assert.match(sshOptionProblem(option) ?? '', /expected NAME=VALUE/)
  })
})

describe('the command line for the machine’s shell', () => {
  const sh = (line: string): string => execFileSync('sh', ['-c', line], { encoding: 'utf8' })

  test('a word is quoted only where it must be', () => {
    assert.equal(
      shellLine(['allguests', 'create', '--jobs=4', '/etc/xen/acas0002']),
      'allguests create --jobs=4 /etc/xen/acas0002',
    )
    assert.equal(shellLine(['echo', "it's", '']), `echo 'it'\\''s' ''`)
    assert.equal(shellLine(['xl list | wc -l']), 'xl list | wc -l')
  })

  test('any words come back as they were, through two shells', () => {
    const word = fc.string({ unit: fc.constantFrom(...Array.from(`ab '"\\$\`*?!#~;&|<>()[]{}=-\n\tä€`)) })
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
        const line = remoteCommandLine(['printf', '%s\\0', ...words])
        assert.deepEqual(sh(line).split('\0').slice(0, -1), words)
      }),
      { numRuns: 60 },
    )
    assert.equal(sh(`printf %s ${shellWord('~root')}`), '~root')
  })
})

describe('what became of it', () => {
  test('a status other than 255 is the command’s', () => {
    assert.deepEqual(sshOutcome(0, null, ''), { kind: 'ok' })
    assert.deepEqual(sshOutcome(75, null, 'whatever'), { kind: 'failed', status: 75 })
  })

  test('255 is ssh’s, unless the machine said that it is the command’s', () => {
    const refused = 'ssh: connect to host acas0001 port 22: Connection refused\r\n'
    assert.deepEqual(sshOutcome(255, null, refused), { kind: 'no-connection', why: refused.trim() })
    assert.deepEqual(sshOutcome(255, null, 'bootstead: the command ended with 255\n'), { kind: 'failed', status: 255 })
    assert.deepEqual(sshOutcome(255, null, '\r\n'), { kind: 'no-connection', why: 'ssh says nothing' })
    assert.deepEqual(sshOutcome(null, 'SIGKILL', ''), { kind: 'no-connection', why: 'ssh was ended by SIGKILL' })
  })

  test('what OpenSSH 9.2 says of host keys', () => {
    const unknown =
      'No ED25519 host key is known for acas0001 and you have requested strict checking.\r\nHost key verification failed.\r\n'
    assert.deepEqual(sshOutcome(255, null, unknown), { kind: 'unknown-host-key' })
    const changed =
      '@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\nHost key for acas0001 has changed and you have requested strict checking.\r\nHost key verification failed.\r\n'
    assert.deepEqual(sshOutcome(255, null, changed), { kind: 'changed-host-key' })
  })
})

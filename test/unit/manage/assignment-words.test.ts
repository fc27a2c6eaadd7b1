import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAssignment } from '../../../server/manage/assignment-words.ts'
import { assignToMachine } from '../../../server/manage/assignments.ts'
import { describeProblem } from '../../../server/manage/failure.ts'

test('a column, a param, an interface’s column, an interface that goes', () => {
  assert.deepEqual(parseAssignment('machines', 'notes=a=b'), { kind: 'column', column: 'notes', value: 'a=b' })
  assert.deepEqual(parseAssignment('machines', 'params.rack=r12'), { kind: 'param', name: 'rack', value: 'r12' })
  assert.deepEqual(parseAssignment('machines', 'params.packages+=["vim"]'), {
    kind: 'param',
    name: 'packages+',
    value: ['vim'],
  })
  assert.deepEqual(parseAssignment('machines', 'interface.eth0.100.mac=x'), {
    kind: 'interface',
    name: 'eth0.100',
    column: 'mac',
    value: 'x',
  })
  assert.deepEqual(parseAssignment('machines', 'interface.eth0.100='), { kind: 'no-interface', name: 'eth0.100' })
})

test('a key, an unknown column and a word without = are refused', () => {
  assert.throws(() => parseAssignment('machines', 'hostname=x'), /keeps its hostname/)
  assert.throws(() => parseAssignment('machines', 'interface.eth0.macs=x'), /expected interface\.NAME\.COLUMN=value/)
  assert.throws(() => parseAssignment('networks', 'params.x=1'), /networks have no field params\.x/)
  assert.throws(() => parseAssignment('machines', 'vcpus'), /expected field=value/)
})

test('what the columns refuse is told for each of them', () => {
  const assignments = ['vcpus=none', 'interface.eth0.ip=300.1.1.1'].map((word) => parseAssignment('machines', word))
  const { problems } = assignToMachine(
    { machine: { hostname: 'web', profile: 'base' }, interfaces: new Map() },
    assignments,
  )
  assert.equal(problems.length, 2)
  assert.match(
    problems.map(describeProblem)[1] ?? '',
    /interfaces web\/eth0: ip is "300\.1\.1\.1": expected an IPv4 address/,
  )
})

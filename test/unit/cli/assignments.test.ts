import assert from 'node:assert/strict'
import { test } from 'node:test'
import { interfaceWords } from '../../../server/cli/assignments.ts'

test('an interface in one word', () => {
  assert.deepEqual(interfaceWords('eth0,mac=00:00:5e:00:53:01,network=farm'), [
    'interface.eth0.mac=00:00:5e:00:53:01',
    'interface.eth0.network=farm',
  ])
  assert.throws(() => interfaceWords('mac=00:00:5e:00:53:01'), /expected NAME,mac=MAC/)
  assert.throws(() => interfaceWords('eth0,macs=x'), /expected interface\.NAME\.COLUMN=value/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { levelOf } from './level.ts'

test('the level of a test file is the highest of the clusters that it, or what it imports, asks for', () => {
  const expected = {
    'test/table.test.ts': 'unit',
    'test/deploy/rules.test.ts': 'unit',
    'test/lock/controller-process.test.ts': 'unit',
    'test/e2e/admission.test.ts': 'api', // sharedCluster
    'test/lock/leader.test.ts': 'api', // startCluster
    'test/kube/real/watch.test.ts': 'api', // beside a type, in one import
    'test/deploy/policies.test.ts': 'api', // by policy-stage.ts
    'test/node/wrapper.test.ts': 'node', // sharedNode
    'test/cluster/node.test.ts': 'node', // startNodeCluster
    'test/lock/once.test.ts': 'node', // by stage.ts
    'test/nightly/anything.test.ts': 'nightly',
  } as const
  for (const [file, level] of Object.entries(expected)) assert.equal(levelOf(file), level, file)
})

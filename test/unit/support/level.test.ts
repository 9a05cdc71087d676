import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { test } from 'node:test'
import { LEVELS, levelOf, neededLevel } from '../../support/runner/level.ts'
import { root } from '../../support/tooling/root.ts'

test('what a test file needs is found in it and in what it imports', () => {
  const expected = {
    'test/unit/support/table.test.ts': 'unit',
    'test/unit/support/controller-process.test.ts': 'unit',
    'test/api/deploy/rules.test.ts': 'api', // findTool, by rendered.ts
    'test/api/webhook/admission.test.ts': 'api', // sharedCluster
    'test/api/controller/leader.test.ts': 'api', // startCluster
    'test/api/kube/watch.test.ts': 'api', // beside a type, in one import
    'test/api/deploy/policies.test.ts': 'api', // by policy-stage.ts
    'test/node/injection/wrapper.test.ts': 'node', // sharedNode
    'test/node/lock/once.test.ts': 'node', // startNodeCluster, by stage.ts
  } as const
  for (const [file, level] of Object.entries(expected)) assert.equal(neededLevel(file), level, file)
})

test('each test file is in the folder of a level that has all it needs', () => {
  const files = globSync('test/**/*.test.ts', { cwd: root })
  const misplaced = files.filter((file) => LEVELS.indexOf(neededLevel(file)) > LEVELS.indexOf(levelOf(file)))
  assert.deepEqual(misplaced, [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Deployment } from '../../../src/kube/objects.ts'
import { rolloutState } from '../../../src/uninject/wait-for-rollout.ts'

type Status = NonNullable<Deployment['status']>

function deployment(status: Status, spec: Deployment['spec'] = { replicas: 3 }): Deployment {
  const metadata = { name: 'web', namespace: 'shop', uid: 'u', resourceVersion: '1', generation: 7 }
  return { metadata, spec, status: { observedGeneration: 7, ...status } }
}

const DONE: Status = { replicas: 3, updatedReplicas: 3, availableReplicas: 3 }
const LATE: Status = {
  conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'timed out' }],
}

test('a rollout is done when each pod is new and available, and no old one is left', () => {
  assert.deepEqual(rolloutState(deployment(DONE)), { kind: 'done' })
  assert.deepEqual(rolloutState(deployment({}, { replicas: 0 })), { kind: 'done' })
  const one = { replicas: 1, updatedReplicas: 1, availableReplicas: 1 }
  assert.deepEqual(rolloutState(deployment(one, {})), { kind: 'done' }, 'replicas left out are one')
})

test('until then it says what is missing', () => {
  const steps: [Status, string][] = [
    [{ ...DONE, observedGeneration: 6 }, 'its controller has not seen the change yet'],
    [{ replicas: 4, updatedReplicas: 1, availableReplicas: 3 }, '1 of 3 pods are new'],
    [{ replicas: 4, updatedReplicas: 3, availableReplicas: 3 }, 'old pods still to end: 1'],
    [{ replicas: 3, updatedReplicas: 3, availableReplicas: 2 }, '2 of 3 pods are available'],
  ]
  for (const [status, at] of steps) assert.deepEqual(rolloutState(deployment(status)), { kind: 'under-way', at })
})

test('a paused one never gets on, and one beyond its deadline is stuck', () => {
  assert.deepEqual(rolloutState(deployment(DONE, { replicas: 3, paused: true })), { kind: 'paused' })
  assert.deepEqual(rolloutState(deployment(LATE)), { kind: 'stuck', why: 'timed out' })
  // The condition is about the template before.
  assert.equal(rolloutState(deployment({ ...LATE, observedGeneration: 6 })).kind, 'under-way')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfigMap } from '../../../src/kube/objects.ts'
import { DEPLOYMENT_RECORD, NAMED_LOCK_RECORD, RECORD_LABEL } from '../../../src/names.ts'
import type { InjectedDeployment } from '../../../src/uninject/injected.ts'
import { unusedRecords } from '../../../src/uninject/inventory.ts'
import { ended, podOf } from '../../support/controller/objects.ts'

const WEB = 'deployment.web.migrate-io'
const NONE = { injected: [], pods: [] }

function record(name: string, kind: string, namespace = 'shop'): ConfigMap {
  return { metadata: { name, namespace, uid: name, resourceVersion: '1', labels: { [RECORD_LABEL]: kind } } }
}

const OWN = record(WEB, DEPLOYMENT_RECORD)
const NAMED = record('lock.orders.migrate-io', NAMED_LOCK_RECORD)

function injected(deployment: string, namespace = 'shop'): InjectedDeployment {
  return { key: { namespace, deployment }, uid: 'u', revision: '1', replicas: 1, isPaused: false }
}

test('with nothing injected and no pod of ours left, all records are unused', () => {
  assert.deepEqual(unusedRecords([OWN, NAMED], NONE), [OWN, NAMED])
})

test('an injected Deployment needs its own record, and the named locks of its namespace', () => {
  assert.deepEqual(unusedRecords([OWN, NAMED], { ...NONE, injected: [injected('web')] }), [])
  assert.deepEqual(unusedRecords([OWN, NAMED], { ...NONE, injected: [injected('other')] }), [OWN])
  assert.deepEqual(unusedRecords([OWN, NAMED], { ...NONE, injected: [injected('web', 'elsewhere')] }), [OWN, NAMED])
})

test('so does a pod that may still run or start anew, whatever it did before', () => {
  const pods = [
    podOf({ grant: 'run 1' }),
    podOf({ phase: 'Running', state: ended(0, 'run 1') }),
    podOf({ isDeleting: true }),
  ]
  for (const pod of pods) assert.deepEqual(unusedRecords([OWN, NAMED], { ...NONE, pods: [pod] }), [])
  // Where the Deployment's name was made up after the admission, the pod mounts no record.
  const generated = podOf()
  assert.deepEqual(unusedRecords([OWN], { ...NONE, pods: [{ ...generated, spec: {} }] }), [])
  for (const phase of ['Succeeded', 'Failed'] as const)
    assert.deepEqual(unusedRecords([OWN, NAMED], { ...NONE, pods: [podOf({ phase })] }), [OWN, NAMED])
})

test('what bears our label only, or our name only, is somebody else’s', () => {
  const labelled = record('settings', DEPLOYMENT_RECORD)
  const named: ConfigMap = { metadata: { ...OWN.metadata, labels: {} } }
  const odd = record(WEB, NAMED_LOCK_RECORD)
  assert.deepEqual(unusedRecords([labelled, named, odd], NONE), [])
})

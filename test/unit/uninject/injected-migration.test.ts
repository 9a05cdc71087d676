import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InjectedDeployment } from '../../../src/uninject/injected.ts'
import { migrationOf } from '../../../src/uninject/injected.ts'
import { ended, KEY, podOf } from '../../support/controller/objects.ts'

const WEB: InjectedDeployment = { key: KEY, uid: 'u', revision: '1', replicas: 3, isPaused: false }

test('a pod that was granted a run and still runs is the migration', () => {
  const pods = [podOf(), podOf({ name: 'web-a-2', grant: 'run 4' })]
  assert.deepEqual(migrationOf(WEB, pods), { kind: 'runs', pod: 'web-a-2', since: '2026-01-01T11:59:00Z' })
  const ending = podOf({ grant: 'run 4', isDeleting: true })
  assert.equal(migrationOf(WEB, [ending])?.kind, 'runs', 'it has its grace period')
})

test('pods that are not through wait, also for the next try', () => {
  const failed = podOf({ name: 'web-a-2', grant: 'wait 4', lastState: ended(1, 'run 4') })
  assert.deepEqual(migrationOf(WEB, [podOf(), failed]), { kind: 'waits', pods: 2 })
})

test('those that are through, are let through, are ended or are somebody else’s do not count', () => {
  const pods = [
    podOf({ phase: 'Running', state: ended(0, 'run 1') }),
    podOf({ grant: 'skip' }),
    podOf({ isDeleting: true }),
    podOf({ phase: 'Failed' }),
  ]
  assert.equal(migrationOf(WEB, pods), undefined)
  assert.equal(migrationOf({ ...WEB, key: { ...KEY, namespace: 'other' } }, [podOf()]), undefined)
  assert.equal(migrationOf({ ...WEB, key: { ...KEY, deployment: 'other' } }, [podOf()]), undefined)
})

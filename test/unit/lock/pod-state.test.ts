import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { endOf, hasStarted, isDone, succeededRun } from '../../../src/lock/pod-state.ts'
import { ended, podOf } from '../../support/controller/objects.ts'

const RUNNING = { running: { startedAt: '2026-01-01T11:59:00Z' } }
const STALE = ended(75, 'stale 5')
const OUTPUT = 'x'.repeat(4_096)
const MADE_UP = { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' } }
const CUT = 'interrupted'
const FAILED = 'Failed' as const
const WAITING = { waiting: { reason: 'CrashLoopBackOff' } }

describe('What the status of our container tells of run 5', () => {
  for (const [name, options, kind] of [
    ['runs', { state: RUNNING }, 'unknown'],
    ['not started', { state: { waiting: { reason: 'PodInitializing' } } }, 'unknown'],
    ['no status at all', { state: {} }, 'unknown'],
    ['exit 0 with run 5', { state: ended(0, 'run 5') }, 'success'],
    ['exit 0 with run 5 and more', { state: ended(0, 'run 5\n3 tables') }, 'success'],
    ['exit 0 with run 5 in the instance before', { state: RUNNING, lastState: ended(0, 'run 5') }, 'success'],
    ['exit 0 with nothing', { state: ended(0) }, 'unrecorded'],
    ['exit 0 with run 4', { state: ended(0, 'run 4') }, 'unrecorded'],
    ['exit 0 with run 55', { state: ended(0, 'run 55') }, 'unrecorded'],
    ['exit 1 with run 5', { state: ended(1, 'run 5') }, 'failure'],
    ['killed with run 5', { state: ended(137, 'run 5') }, 'failure'],
    ['exit 124 with run 5 timeout', { state: ended(124, 'run 5 timeout') }, 'failure'],
    ['exit 1 with run 5, restarting', { state: WAITING, lastState: ended(1, 'run 5') }, 'failure'],
    ['exit 1 with run 5, being deleted', { state: ended(143, 'run 5'), isDeleting: true }, 'interrupted'],
    ['exit 1 with run 5, evicted', { state: ended(137, 'run 5'), phase: 'Failed' as const }, 'interrupted'],
    ['exit 75 with stale 5', { state: ended(75, 'stale 5') }, 'interrupted'],
    ['exit 75 with stale 4', { state: ended(75, 'stale 4') }, 'unknown'],
    ['exit 1 with nothing', { state: ended(1) }, 'unknown'],
    ['exit 1 with nothing, restarted', { state: RUNNING, lastState: ended(1) }, 'unknown'],
    ['exit 1 with nothing, then stale 5', { state: STALE, lastState: ended(1) }, 'failure'],
    [
      'a node that started again, then stale 5 unknown',
      { state: ended(75, 'stale 5 unknown'), lastState: ended(143) },
      'interrupted',
    ],
    ['exit 1 with 4 KiB of output, then stale 5', { state: STALE, lastState: ended(1, OUTPUT) }, 'failure'],
    ['exit 1 with nothing, then stale 5, being deleted', { state: STALE, lastState: ended(1), isDeleting: true }, CUT],
    ['exit 1 with nothing, then stale 5, evicted', { state: STALE, lastState: ended(1), phase: FAILED }, CUT],
    ['an end that kubelet made up, then stale 5', { state: STALE, lastState: MADE_UP }, 'interrupted'],
    ['exit 0 with nothing, then a new sandbox and stale 5', { state: STALE, lastState: ended(0) }, 'interrupted'],
    ['stale 5, then stale 5', { state: STALE, lastState: STALE }, 'interrupted'],
    [
      'exit 1 with a number that is not its own, then stale 5',
      { state: STALE, lastState: ended(1, 'run 4') },
      'failure',
    ],
    ['stale 5, then killed while waiting', { state: ended(137), lastState: STALE }, 'interrupted'],
    ['exit 1 with nothing, then stale 4', { state: ended(75, 'stale 4'), lastState: ended(1) }, 'unknown'],
    ['exit 1 with run 5, then stale 5', { state: STALE, lastState: ended(1, 'run 5') }, 'failure'],
    ['exit 0 with run 5, then a new sandbox and stale 5', { state: STALE, lastState: ended(0, 'run 5') }, 'success'],
    ['exit 78 without a label', { state: ended(78, 'no pod of a Deployment: …') }, 'unknown'],
    ['killed while waiting', { state: ended(137) }, 'unknown'],
    ['killed while waiting, evicted', { state: ended(137), phase: 'Failed' as const }, 'interrupted'],
    ['another message', { state: ended(1, 'Error: run 5 failed') }, 'unknown'],
  ] as const)
    test(`L6, W7: ${name}: ${kind}`, () => assert.equal(endOf(podOf(options), 5).kind, kind))

  test('L6: neither deletion nor a phase alone tells that it ended', () => {
    assert.equal(endOf(podOf({ isDeleting: true }), 5).kind, 'unknown')
    assert.equal(endOf(podOf({ phase: 'Failed' }), 5).kind, 'unknown')
    assert.equal(endOf(podOf({ phase: 'Succeeded', state: RUNNING }), 5).kind, 'unknown')
  })

  test('a timeout is told apart from other failures', () => {
    assert.deepEqual(endOf(podOf({ state: ended(124, 'run 5 timeout') }), 5), {
      kind: 'failure',
      exitCode: 124,
      isTimeout: true,
      isNumberLost: false,
    })
  })

  test('W7: a failure whose number was overwritten has the exit code of its own container', () => {
    assert.deepEqual(endOf(podOf({ state: STALE, lastState: ended(3) }), 5), {
      kind: 'failure',
      exitCode: 3,
      isTimeout: false,
      isNumberLost: true,
    })
  })

  test('it has started once it ran or ended, and is done once it exited 0', () => {
    assert.equal(hasStarted(podOf({ state: { waiting: { reason: 'ImagePullBackOff' } } })), false)
    assert.equal(hasStarted(podOf()), true)
    assert.equal(hasStarted(podOf({ state: WAITING, lastState: ended(1) })), true)
    assert.equal(isDone(podOf({ state: ended(0) })), true)
    assert.equal(succeededRun(podOf({ state: ended(0, 'run 9') })), 9)
    assert.equal(succeededRun(podOf({ state: ended(1, 'run 9') })), undefined)
  })
})

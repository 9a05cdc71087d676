import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logTarget } from '../../../src/status/log-target.ts'
import { ended, holderOf, podOf } from '../../support/controller/objects.ts'
import { situation } from '../../support/status/objects.ts'

const runner = podOf({ grant: 'run 5' })
const held = { number: 5, holder: holderOf(runner, 5) }
const completed = { pod: 'web-a-9', image: 'app:1', started: '2026-01-01T11:00:00Z', seconds: 6, number: 3 }
const older = podOf({ name: 'web-z-1', revision: 'z', grant: 'run 5' })
const RUNNING = { running: { startedAt: '2026-01-01T11:59:00Z' } }
const BACK_OFF = { waiting: { reason: 'CrashLoopBackOff' } }

for (const [what, seen, expected] of [
  ['a run that is under way', situation({ record: held, pods: [runner] }), ['web-a-1', 5, 'present', 'under way']],
  [
    'a run in a container that has run before: not the log of that',
    situation({ record: held, pods: [podOf({ grant: 'run 5', lastState: ended(1, 'run 4') })] }),
    ['web-a-1', 5, 'present', 'under way'],
  ],
  [
    'a run that has just ended',
    situation({ record: held, pods: [podOf({ grant: 'run 5', state: ended(1, 'run 5') })] }),
    ['web-a-1', 5, 'present', 'over'],
  ],
  [
    'a recorded revision',
    situation({ record: { entries: { 'completed.a': JSON.stringify(completed) } } }),
    ['web-a-9', 3, 'present', 'over'],
  ],
  [
    'a failed run whose container waits to be started again',
    situation({
      record: { number: 4 },
      pods: [podOf({ grant: 'wait 4', state: BACK_OFF, lastState: ended(1, 'run 4') })],
    }),
    ['web-a-1', 4, 'present', 'over'],
  ],
  [
    'a failed run whose container waits for its turn by now: the instance before',
    situation({
      record: { number: 4 },
      pods: [podOf({ grant: 'wait 4', state: RUNNING, lastState: ended(1, 'run 4') })],
    }),
    ['web-a-1', 4, 'previous', 'over'],
  ],
  [
    'several failed runs: the last one',
    situation({
      record: { number: 4 },
      pods: [
        podOf({ grant: 'wait 3', state: BACK_OFF, lastState: ended(1, 'run 3') }),
        podOf({ name: 'web-a-2', grant: 'wait 4', state: BACK_OFF, lastState: ended(1, 'run 4') }),
      ],
    }),
    ['web-a-2', 4, 'present', 'over'],
  ],
  [
    'a run whose container has not begun: the one before, until it has',
    situation({
      record: held,
      pods: [podOf({ grant: 'run 5', state: BACK_OFF, lastState: ended(1, 'run 4') })],
    }),
    ['web-a-1', 4, 'present', 'over'],
  ],
  [
    'a run whose pod was evicted without a word of it',
    situation({ record: held, pods: [podOf({ grant: 'run 5', phase: 'Failed', state: ended(137) })] }),
    ['web-a-1', 5, 'present', 'over'],
  ],
  [
    'an older revision that has the lock: its own',
    situation({ record: { number: 5, holder: holderOf(older, 5) }, pods: [podOf(), older] }),
    ['web-z-1', 5, 'present', 'under way', 'z'],
  ],
  [
    'a recorded revision, while another one’s run has the lock',
    situation({
      record: { number: 5, holder: holderOf(older, 5), entries: { 'completed.a': JSON.stringify(completed) } },
      pods: [older],
    }),
    ['web-a-9', 3, 'present', 'over'],
  ],
  [
    'a revision that somebody recorded by hand, while another one’s run has the lock',
    situation({
      record: { number: 5, holder: holderOf(older, 5), entries: { 'completed.a': 'by hand' } },
      pods: [older],
    }),
    undefined,
  ],
  ['a holder that was not told to run yet', situation({ record: held, pods: [podOf({ grant: 'wait 4' })] }), undefined],
  ['nothing', situation({ pods: [podOf()] }), undefined],
] as const)
  test(`The output of ${what}`, () => {
    const target = logTarget(seen)
    const told =
      target === undefined
        ? undefined
        : [
            target.pod,
            target.run,
            target.previous ? 'previous' : 'present',
            target.isUnderWay ? 'under way' : 'over',
            target.revision,
          ]
    assert.deepEqual(told, expected === undefined ? undefined : expected.length === 4 ? [...expected, 'a'] : expected)
  })

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { asCalled, calledAs } from '../../../src/cli/options.ts'
import type { Deployment } from '../../../src/kube/objects.ts'
import { deploymentFacts } from '../../../src/status/deployment-facts.ts'
import { excerpt } from '../../../src/status/pod-facts.ts'
import { tableOf } from '../../../src/status/report.ts'
import { Changes, type DeploymentStatus, deploymentStatusOf, withQueues } from '../../../src/status/status.ts'
import { span } from '../../../src/status/words.ts'
import { configMapOf, podOf } from '../../support/controller/objects.ts'
import { injected } from '../../support/status/injected.ts'
import { at, NOW, situation } from '../../support/status/objects.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

describe('What status prints', () => {
  // Taken from kubectl's own tests of HumanDuration.
  for (const [seconds, text] of [
    [0, '0s'],
    [-5, '0s'],
    [70, '70s'],
    [119, '119s'],
    [2 * MINUTE, '2m'],
    [2 * MINUTE + 10, '2m10s'],
    [10 * MINUTE, '10m'],
    [3 * HOUR - 1, '179m'],
    [3 * HOUR, '3h'],
    [3 * HOUR + 12 * MINUTE, '3h12m'],
    [8 * HOUR, '8h'],
    [47 * HOUR, '47h'],
    [2 * DAY, '2d'],
    [2 * DAY + 5 * HOUR, '2d5h'],
    [8 * DAY + 5 * HOUR, '8d'],
    [400 * DAY, '400d'],
    [2 * 365 * DAY + 10 * DAY, '2y10d'],
    [8 * 365 * DAY, '8y'],
  ] as const)
    test(`${seconds} s as kubectl does: ${text}`, () => assert.equal(span(seconds * 1000), text))

  test('an aligned table, with the namespace where there are several', () => {
    const failed = deploymentStatusOf(
      situation({
        record: { entries: { 'failed.a': JSON.stringify({ count: 2, exit: 3, next: at(12) }) } },
        pods: [podOf()],
        facts: { settings: { retries: 4 } },
      }),
      'migrate-io',
    )
    const options = { now: NOW, paint: (state: string, text: string) => (text === state ? `<${text}>` : text) }
    const table = tableOf([failed], { ...options, withNamespace: true })
    assert.deepEqual(table.split('\n').slice(0, 5), [
      'NAMESPACE   DEPLOYMENT   STATE    REVISION   RUNNER   ATTEMPT   SINCE   NEXT TRY   LOCK   QUEUE',
      'shop        web          <Failed>   a          -        2/5       8s      in 12s     own    1 pod',
      '',
      'shop/web: <Failed>. The migration failed with exit code 3: attempt 2 of 5, 8s ago. The next attempt starts in 12s. Meanwhile 2 pods of the previous revision keep serving.',
      '  What to do:',
    ])
    assert.match(tableOf([failed], { ...options, withNamespace: false }), /^DEPLOYMENT {3}STATE/)
  })

  test('who waits for a lock that Deployments share, longest first', () => {
    const busy = {
      lock: 'db',
      state: { kind: 'busy', configMap: configMapOf(), isOurs: false },
      holder: { deployment: 'api', pod: 'api-1', since: at(-90) },
    } as const
    const waiting = deploymentStatusOf(situation({ pods: [podOf()], named: busy }), 'migrate-io')
    const named = (deployment: string, since: string): DeploymentStatus => ({ ...waiting, deployment, since })
    const statuses = withQueues([named('late', at(-5)), named('early', at(-50))])
    assert.deepEqual(
      statuses.map(({ lock }) => lock.queue),
      [
        ['early', 'late'],
        ['early', 'late'],
      ],
    )
    const [, row] = tableOf(statuses, { now: NOW, withNamespace: false, paint: (_, text) => text }).split('\n')
    assert.match(row ?? '', /db \(api\) {3}2 of 2$/)
  })

  test('a line for each change, and none for the time that goes by', () => {
    const changes = new Changes()
    const earlier = deploymentStatusOf(situation({ pods: [podOf()] }), 'migrate-io')
    const later = deploymentStatusOf(situation({ pods: [podOf()], situation: { now: NOW + 60_000 } }), 'migrate-io')
    const absent = deploymentStatusOf(
      situation({ pods: [podOf()], situation: { controller: { kind: 'absent', namespace: 'migrate-io' } } }),
      'migrate-io',
    )
    assert.deepEqual(
      [[earlier], [later], [absent], [absent], [later]].map((each) => changes.of(each).length),
      [1, 0, 1, 0, 1],
    )
  })

  test('what Kubernetes says on one line, without what moves a terminal’s cursor', () => {
    assert.equal(excerpt('a\n\tb\u001b[2Jc '), 'a b [2Jc')
    assert.equal(excerpt('x'.repeat(500)).length, 241)
  })

  test('commands as their user types them', () => {
    assert.equal(calledAs(['node', '/usr/bin/kubectl-migrate_io']), 'kubectl migrate-io')
    assert.equal(calledAs(['node', '/usr/bin/migrate-io']), 'migrate-io')
    const text =
      '  migrate-io status -A | migrate-io logs; kubectl -n migrate-io get pods; Lease migrate-io-controller in'
    assert.equal(
      asCalled(text, 'kubectl migrate-io'),
      '  kubectl migrate-io status -A | kubectl migrate-io logs; kubectl -n migrate-io get pods; Lease migrate-io-controller in',
    )
  })
})

describe('What is read of a Deployment', () => {
  const bare = (change: object = {}) => {
    const { metadata, ...rest } = injected('web', { isBare: true })
    return { ...rest, metadata: { ...metadata, namespace: 'shop', uid: 'u', resourceVersion: '1', ...change } }
  }
  const facts = (deployment: object, isNamed = false) => deploymentFacts(deployment as Deployment, isNamed)

  test('one that has nothing to do with us is left out, unless it is named', () => {
    assert.equal(facts(bare()), undefined)
    assert.equal(facts(bare(), true)?.isInjected, false)
  })

  test('an injected one is known, and its large template is not kept', () => {
    const seen = facts(injected('web', { settings: { lock: 'db', retries: '3' } }))
    assert.ok(seen?.isInjected)
    assert.deepEqual(seen.settings, { lock: 'db', retries: 3 })
    assert.ok(JSON.stringify(seen).length < 1_000)
  })

  for (const [what, change, says] of [
    ['a misspelt name', { annotations: { 'migrate.io/comand': 'true' } }, /did you mean migrate\.io\/command\?/],
    ['a misspelt prefix', { annotations: { 'migration.io/command': 'true' } }, /did you mean migrate\.io\/command\?/],
    ['a bad value', { annotations: { 'migrate.io/command': 'true', 'migrate.io/timeout': '1' } }, /isn't a duration/],
    [
      'a label',
      { labels: { 'migrate.io/command': 'true' } },
      /is one of its labels, but belongs under metadata\.annotations/,
    ],
  ] as const)
    test(`${what} is told`, () => assert.match(facts(bare(change))?.faults.join() ?? '', says))

  test('an annotation in the template is told', () => {
    const deployment = bare()
    const { template } = deployment.spec
    const metadata = { ...template.metadata, annotations: { 'migrate.io/command': 'true' } }
    const seen = facts({ ...deployment, spec: { ...deployment.spec, template: { ...template, metadata } } })
    assert.match(seen?.faults.join() ?? '', /is under spec\.template\.metadata\.annotations/)
  })
})

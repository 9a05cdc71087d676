import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { migrateIo } from '../../support/cli/run-cli.ts'

interface Workload {
  readonly kind?: string
  readonly apiVersion?: string
  readonly name?: string
  readonly metadata?: string
  readonly command?: string
  readonly more?: string
}

function workload({
  kind = 'Deployment',
  apiVersion = 'apps/v1',
  name = 'web',
  metadata = '',
  ...rest
}: Workload = {}) {
  const { command = 'flask db upgrade', more = '' } = rest
  return `apiVersion: ${apiVersion}
kind: ${kind}
metadata:
  name: ${name}
  annotations: {migrate.io/command: ${command}${more}}
${metadata}spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: web}]
`
}
const documents = (...texts: readonly string[]) => texts.join('---\n')

/** What explain says, what inject says, and that uninject says nothing; `inject` prints all of it in any case. */
function said(text: string) {
  const explained = migrateIo(['explain', '-f', '-'], text)
  const injected = migrateIo(['inject', '-f', '-'], text)
  const uninjected = migrateIo(['uninject', '-f', '-'], injected.stdout)
  assert.deepEqual([explained.code, explained.stderr, injected.code], [0, '', 0])
  assert.deepEqual(uninjected, { code: 0, stdout: text, stderr: '' })
  return { explained: explained.stdout, injected: injected.stderr }
}

suite('A16: what is annotated and not served is named', () => {
  const KINDS = [
    ['StatefulSet', 'apps/v1'],
    ['DaemonSet', 'apps/v1'],
    ['ReplicaSet', 'apps/v1'],
    ['Job', 'batch/v1'],
    ['Rollout', 'argoproj.io/v1alpha1'],
  ] as const
  for (const [kind, apiVersion] of KINDS)
    test(`A16: a ${kind}`, () => {
      const { explained, injected } = said(documents(workload({ kind, apiVersion }), workload()))
      const place = `standard input, document 1 \\(line 1\\), ${kind} web`
      const why = `migrate.io handles apps/v1 Deployments only, and this is a ${kind}\n`
      assert.match(explained, new RegExp(`^${place}: would be left alone, though it is annotated, because ${why}`, 'm'))
      assert.match(explained, /^standard input, document 2 .*, Deployment web: would be injected$/m)
      assert.match(injected, new RegExp(`^warning: ${place}: it is annotated, but has no migration: ${why}$`))
    })

  test('A16: a Deployment of an old API', () => {
    for (const apiVersion of ['extensions/v1beta1', 'apps/v1beta1', 'apps/v1beta2']) {
      const { explained, injected } = said(workload({ apiVersion }))
      for (const text of [explained, injected])
        assert.match(text, new RegExp(`Kubernetes doesn't serve apiVersion ${apiVersion}`))
    }
  })

  test('A16: a CronJob and a Pod, annotated on the pods or themselves', () => {
    const cronJob = `apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  jobTemplate:
    spec:
      template:
        metadata: {annotations: {migrate.io/command: x}}
`
    const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: one, annotations: {migrate.io/command: x}}\n'
    const { explained, injected } = said(documents(cronJob, pod))
    for (const text of [explained, injected]) {
      assert.match(text, /CronJob nightly: .*this is a CronJob/)
      assert.match(text, /Pod one: .*this is a Pod/)
    }
  })

  test('A16: an item of a List, with its place', () => {
    const list = `apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: StatefulSet
  metadata: {name: db, namespace: shop, annotations: {migrate.io/command: x}}
`
    assert.match(said(list).injected, /document 1, items\[0\] \(line 4\), StatefulSet shop\/db: it is annotated/)
  })

  test('A16: not what is not annotated, nor what is made from a Deployment', () => {
    const made = workload({
      kind: 'ReplicaSet',
      metadata: '  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]\n',
    })
    const other = workload({ kind: 'StatefulSet' }).replace('migrate.io/command', 'example.com/command')
    const { explained, injected } = said(documents(made, other, 'a: 1\n'))
    assert.deepEqual([explained, injected], ['No apps/v1 Deployment found.\n', ''])
  })
})

suite('A16: what is in the wrong place is named', () => {
  const CASES: readonly (readonly [what: string, text: string, says: RegExp])[] = [
    [
      'on the pod template',
      workload()
        .replace('  annotations: {migrate.io/command: flask db upgrade}\n', '')
        .replace('metadata: {labels', 'metadata: {annotations: {migrate.io/command: x}, labels'),
      /template\.metadata\.annotations\[migrate\.io\/command\] has no effect/,
    ],
    [
      'among the labels',
      workload({ metadata: '  labels: {migrate.io/lock: db}\n' }),
      /migrate\.io\/lock is one of its labels/,
    ],
    [
      'under another prefix',
      workload().replace('migrate.io/command', 'migration.io/command'),
      /migration\.io\/command is unknown; did you mean migrate\.io\/command\?/,
    ],
  ]
  for (const [what, text, says] of CASES)
    test(`A16: ${what}`, () => {
      const { explained, injected } = said(text)
      assert.match(explained, new RegExp(`^ {2}warning: .*${says.source}`, 'm'))
      assert.match(injected, new RegExp(`^warning: standard input, document 1 .*${says.source}`, 'm'))
    })
})

suite('A16: several Deployments with one command and no lock', () => {
  const [web, worker, beat] = ['shop-web', 'shop-worker', 'shop-beat'].map((name) => workload({ name }))
  const HINT =
    /^warning: Deployments shop-web, shop-worker, shop-beat have the same command and no migrate\.io\/lock: /m

  test('A16: get one hint', () => {
    const { explained, injected } = said(documents(web ?? '', worker ?? '', beat ?? ''))
    for (const text of [explained, injected]) assert.match(text, HINT)
    assert.equal(injected.trim().split('\n').length, 1)
    const { stdout } = migrateIo(['inject', '-f', '-'], documents(web ?? '', worker ?? '', beat ?? ''))
    assert.match(migrateIo(['inject', '-f', '-'], stdout).stderr, HINT)
  })

  test('A16: where only some have a lock, it names those that have none', () => {
    const locked = workload({ name: 'api', more: ', migrate.io/lock: db' })
    assert.match(
      said(documents(web ?? '', locked)).injected,
      /shop-web, api have .* and for shop-web no migrate\.io\/lock/,
    )
  })

  const FINE: readonly (readonly [what: string, texts: readonly string[]])[] = [
    ['with a lock', ['a', 'b'].map((name) => workload({ name, more: ', migrate.io/lock: db' }))],
    ['with locks of their own', ['a', 'b'].map((name) => workload({ name, more: `, migrate.io/lock: ${name}` }))],
    ['with other commands', [workload({ name: 'a' }), workload({ name: 'b', command: 'alembic upgrade head' })]],
    ['in other namespaces', ['a', 'b'].map((each) => workload({ metadata: `  namespace: ${each}\n` }))],
    ['that only wait', ['a', 'b'].map((name) => workload({ name, command: 'alembic current --check-heads' }))],
    ['one alone', [workload()]],
  ]
  for (const [what, texts] of FINE)
    test(`A16: get none: ${what}`, () => assert.equal(said(documents(...texts)).injected, ''))
})

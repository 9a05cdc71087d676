import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decideInjection } from '../../../src/injection/decide.ts'
import type { Json, JsonObject } from '../../../src/json.ts'
import {
  annotate,
  asStored,
  at,
  copies,
  deepFreeze,
  flask,
  list,
  POD,
  put,
  refusal,
  stored,
} from '../../support/injection/objects.ts'

const COMMAND = 'migrate.io/command'
const CONTAINER = [...POD, 'containers', 0] as const
const IMAGE = [...CONTAINER, 'image'] as const
const TEMPLATE_ANNOTATIONS = ['spec', 'template', 'metadata', 'annotations'] as const

const create = (object: JsonObject) => decideInjection({ object: deepFreeze(object), optedIn: true })
const update = (oldObject: JsonObject, object: JsonObject) =>
  decideInjection({ object: deepFreeze(object), oldObject: deepFreeze(asStored(oldObject)), optedIn: true })
const withMount = (mount: JsonObject, volume: JsonObject = { emptyDir: {} }) =>
  put(
    put(flask(), [...CONTAINER, 'volumeMounts'], [mount]),
    [...POD, 'volumes'],
    [{ name: mount['name'] ?? '', ...volume }],
  )
const injected = stored(create(flask()))
const ours = copies(injected)

/** What is wrong; the object; what the one message must say: where it is, what was seen, what is allowed or meant. */
const FAULTS: readonly (readonly [what: string, object: JsonObject, says: readonly RegExp[]])[] = [
  ['an empty command', flask({ [COMMAND]: '' }), [/migrate\.io\/command/, /empty/, /allowed/]],
  ['a blank command', flask({ [COMMAND]: ' \n\t' }), [/migrate\.io\/command/, /empty/]],
  ['a JSON object', flask({ [COMMAND]: '{"a":1}' }), [/migrate\.io\/command/, /\{.*a/, /array of strings/]],
  ['a JSON array of numbers', flask({ [COMMAND]: '["a", 1]' }), [/migrate\.io\/command/, /array of strings/]],
  ['an empty JSON array', flask({ [COMMAND]: '[]' }), [/migrate\.io\/command/, /empty/]],
  [
    'a misspelt annotation',
    annotate(flask(), { 'migrate.io/timout': '5m' }),
    [/migrate\.io\/timout/, /did you mean migrate\.io\/timeout/],
  ],
  [
    'a misspelt command',
    flask({ 'migrate.io/comand': 'x' }),
    [/migrate\.io\/comand/, /did you mean migrate\.io\/command/],
  ],
  [
    'a command in capitals',
    flask({ 'migrate.io/Command': 'x' }),
    [/migrate\.io\/Command/, /did you mean migrate\.io\/command/],
  ],
  [
    'an unknown annotation',
    annotate(flask(), { 'migrate.io/wombat': 'x' }),
    [/migrate\.io\/wombat/, /migrate\.io\/retries/],
  ],
  ['the grant on the Deployment', annotate(flask(), { 'migrate.io/grant': 'run 1' }), [/migrate\.io\/grant/]],
  [
    'a bad duration',
    annotate(flask(), { 'migrate.io/timeout': '10 minutes' }),
    [/migrate\.io\/timeout/, /10 minutes/, /30m/],
  ],
  ['no time at all', annotate(flask(), { 'migrate.io/timeout': '0s' }), [/migrate\.io\/timeout/]],
  ['negative retries', annotate(flask(), { 'migrate.io/retries': '-1' }), [/migrate\.io\/retries/, /-1/, /from 0/]],
  [
    'an unknown strategy',
    annotate(flask(), { 'migrate.io/strategy': 'Recreate' }),
    [/migrate\.io\/strategy/, /Recreate/, /rolling or keep/],
  ],
  ['a bad lock', annotate(flask(), { 'migrate.io/lock': 'A_b' }), [/migrate\.io\/lock/, /A_b/]],
  [
    'a missing container',
    annotate(flask(), { 'migrate.io/container': 'flaks' }),
    [/migrate\.io\/container/, /flaks/, /did you mean flask/],
  ],
  [
    'an init container named as container',
    annotate(put(flask(), [...POD, 'initContainers'], [{ name: 'x', image: 'x' }]), { 'migrate.io/container': 'x' }),
    [/migrate\.io\/container/],
  ],
  [
    'a container named like ours',
    put(flask(), [...CONTAINER, 'name'], 'migrate-io'),
    [/containers\[0\]/, /migrate-io/],
  ],
  ['our init container alone', put(flask(), [...POD, 'initContainers'], ours), [/initContainers\[0\]/, /migrate-io/]],
  [
    'an init container named like ours',
    put(flask(), [...POD, 'initContainers'], [{ name: 'migrate-io', image: 'x' }]),
    [/initContainers\[0\]/],
  ],
  [
    'our volume alone',
    put(flask(), [...POD, 'volumes'], [{ name: 'migrate-io', emptyDir: {} }]),
    [/volumes\[0\]/, /migrate-io/],
  ],
  [
    'our state volume alone',
    put(flask(), [...POD, 'volumes'], [{ name: 'migrate-io-state', emptyDir: {} }]),
    [/volumes\[0\]/, /migrate-io-state/],
  ],
  [
    'ours without the label',
    put(injected, ['spec', 'template', 'metadata', 'labels', 'migrate.io/protocol'], undefined),
    [/migrate-io/],
  ],
  ['ours without a volume', put(injected, [...POD, 'volumes', 0], undefined), [/migrate-io/]],
  ['ours without a mount', put(injected, [...POD, 'initContainers', 0, 'volumeMounts'], []), [/migrate-io/]],
  [
    'a mount at ours',
    withMount({ name: 'x', mountPath: '/run/migrate.io' }),
    [/volumeMounts\[0\]/, /\/run\/migrate\.io/],
  ],
  ['a mount below ours', withMount({ name: 'x', mountPath: '/run/migrate.io/sub/' }), [/volumeMounts\[0\]/]],
  [
    'a mount at ours by way of /var/run',
    withMount({ name: 'x', mountPath: '/var/run/migrate.io' }),
    [/volumeMounts\[0\]/],
  ],
  ['a mount at our state', withMount({ name: 'x', mountPath: '/run//migrate.io-state/' }), [/volumeMounts\[0\]/]],
  [
    'a read-only mount above ours',
    withMount({ name: 'x', mountPath: '/run', readOnly: true }),
    [/volumeMounts\[0\]/, /read-only/],
  ],
  [
    'a ConfigMap above ours',
    withMount({ name: 'x', mountPath: '/run' }, { configMap: { name: 'x' } }),
    [/volumeMounts\[0\]/, /read-only/],
  ],
  ['a read-only mount of all', withMount({ name: 'x', mountPath: '/', readOnly: true }), [/volumeMounts\[0\]/]],
  [
    'a mount at the termination message',
    withMount({ name: 'x', mountPath: '/dev/migrate.io-message' }),
    [/volumeMounts\[0\]/, /\/dev\/migrate\.io-message is reserved for .*termination message/],
  ],
  [
    'a mount below the termination message',
    withMount({ name: 'x', mountPath: '/dev/migrate.io-message/x' }),
    [/volumeMounts\[0\]/, /is reserved for/],
  ],
  [
    "the node's devices, read-only",
    withMount({ name: 'x', mountPath: '/dev', readOnly: true }, { hostPath: { path: '/dev' } }),
    [/volumeMounts\[0\]/, /\/dev\/migrate\.io-message can't be created in it.*writable/],
  ],
  [
    'a Secret over the devices',
    withMount({ name: 'x', mountPath: '/dev/' }, { secret: { secretName: 'x' } }),
    [/volumeMounts\[0\]/, /\/dev\/migrate\.io-message/],
  ],
  ['Windows by os', put(flask(), [...POD, 'os'], { name: 'windows' }), [/spec\.os\.name/, /windows/i]],
  [
    'Windows by node',
    put(flask(), [...POD, 'nodeSelector'], { 'kubernetes.io/os': 'windows' }),
    [/nodeSelector/, /windows/i],
  ],
  [
    'no grace period',
    put(flask(), [...POD, 'terminationGracePeriodSeconds'], 0),
    [/terminationGracePeriodSeconds: is 0/, /allowed: 1 or more/],
  ],
  [
    'a grant in the template',
    put(flask(), [...TEMPLATE_ANNOTATIONS, 'migrate.io/grant'], 'run 7'),
    [/template\.metadata\.annotations\[migrate\.io\/grant\]/, /remove/],
  ],
  [
    'a nudge in the template',
    put(flask(), [...TEMPLATE_ANNOTATIONS, 'migrate.io/nudge'], 'run 1'),
    [/template\.metadata\.annotations\[migrate\.io\/nudge\]/, /start late/, /remove/],
  ],
  [
    'an empty grant in the template',
    put(flask(), [...TEMPLATE_ANNOTATIONS, 'migrate.io/grant'], ''),
    [/migrate\.io\/grant/],
  ],
  [
    'a command over 120 KiB',
    flask({ [COMMAND]: 'x'.repeat(120 * 1024 + 1) }),
    [/migrate\.io\/command/, /120 KiB/, /122881/],
  ],
  [
    'a JSON argument over 120 KiB',
    flask({ [COMMAND]: JSON.stringify(['a', 'x'.repeat(120 * 1024 + 1)]) }),
    [/120 KiB/],
  ],
  ['120 KiB of letters that take two bytes', flask({ [COMMAND]: 'ä'.repeat(60 * 1024 + 1) }), [/120 KiB/]],
]

suite('A8: what is refused', () => {
  for (const [what, object, says] of FAULTS) {
    test(`A8: ${what}`, () => {
      const problems = refusal(create(object))
      assert.equal(problems.length >= 1, true)
      for (const pattern of says) assert.match(problems.join('\n'), pattern)
      for (const problem of problems) assert(problem.length < 1000, 'a message that nobody reads')
    })

    test(`A8: ${what}: refused where an update brings it, passed with a warning where it was stored before`, () => {
      if (copies(object).length === 0) assert.notEqual(refusal(update(flask(), object)).length, 0)
      const annotated = update(object, annotate(object, { other: 'x' }))
      assert.notEqual(annotated.kind, 'refused', JSON.stringify(annotated))
      assert.equal(at(stored(annotated), 'metadata', 'annotations', 'other'), 'x')
      assert(annotated.warnings.length > 0, 'no warning')
    })

    test(`A8: ${what}: neither touched nor refused where it is being deleted`, () => {
      const deleted = put(object, ['metadata', 'deletionTimestamp'], '2030-01-01T00:00:00Z')
      for (const decision of [
        create(deleted),
        update(deleted, put(deleted, ['metadata', 'finalizers'], [])),
        update(flask(), deleted),
      ])
        assert.equal(decision.kind, 'untouched')
      assert.equal(stored(create(deleted)), deleted)
    })
  }

  test('A8: all faults of an object are in one message', () => {
    let object: JsonObject = annotate(flask(), {
      [COMMAND]: '[1]',
      'migrate.io/container': 'nope',
      'migrate.io/strategy': 'best',
      'migrate.io/lock': '-',
      'migrate.io/timeout': 'soon',
      'migrate.io/retries': 'many',
      'migrate.io/retires': '3',
    })
    object = put(object, [...TEMPLATE_ANNOTATIONS, 'migrate.io/grant'], 'skip')
    object = put(object, [...POD, 'volumes'], [{ name: 'migrate-io' }, { name: 'migrate-io-state' }])
    object = put(object, [...POD, 'initContainers'], [{ name: 'migrate-io', image: 'x' }])
    object = put(object, [...POD, 'os'], { name: 'windows' })
    object = put(object, [...POD, 'terminationGracePeriodSeconds'], 0)
    const problems = refusal(create(object))
    const expected = [
      ...['command', 'container', 'strategy', 'lock', 'timeout', 'retries', 'retires'].map(
        (name) => `migrate.io/${name}]`,
      ),
      ...[
        'migrate.io/grant]',
        'volumes[0]',
        'volumes[1]',
        'initContainers[0]',
        'os.name',
        'terminationGracePeriodSeconds',
      ],
    ]
    for (const path of expected)
      assert.equal(problems.filter((text) => text.split(': ')[0]?.includes(path)).length, 1, path)
    assert.equal(problems.length, expected.length)
  })

  test('A8: an old fault that only a newer version minds: a new revision is refused, everything else goes by', () => {
    const before = put(stored(create(flask())), [...POD, 'terminationGracePeriodSeconds'], 0)
    const after = put(before, [...POD, 'containers', 0, 'image'], 'app:next')
    assert.match(refusal(update(before, after)).join(), /terminationGracePeriodSeconds: is 0/)
    const kept = update(before, annotate(before, { other: 'x' }))
    assert.equal(kept.kind, 'kept')
    assert.match(kept.warnings.join(), /as before: .*terminationGracePeriodSeconds/)
    const mended = put(after, [...POD, 'terminationGracePeriodSeconds'], 1)
    assert.equal(update(before, mended).kind, 'injected')
  })

  test('A8: an annotation that is no text is refused with its place', () => {
    const object = put(flask(), ['metadata', 'annotations', 'migrate.io/retries'], 3)
    assert.match(refusal(create(object)).join(), /metadata\.annotations\[migrate\.io\/retries\].*string/)
  })
})

suite('A8: what is not refused', () => {
  const FINE: readonly (readonly [what: string, object: JsonObject])[] = [
    ['a writable mount above ours', withMount({ name: 'x', mountPath: '/run' })],
    ['the devices of the node, writable', withMount({ name: 'x', mountPath: '/dev' }, { hostPath: { path: '/dev' } })],
    ['shared memory, read-only', withMount({ name: 'x', mountPath: '/dev/shm', readOnly: true })],
    ['a mount beside ours', withMount({ name: 'x', mountPath: '/run/migrate.iox', readOnly: true })],
    ['a read-only mount below /run', withMount({ name: 'x', mountPath: '/run/secrets', readOnly: true })],
    [
      'Linux by name',
      put(put(flask(), [...POD, 'os'], { name: 'linux' }), [...POD, 'nodeSelector'], { 'kubernetes.io/os': 'linux' }),
    ],
    ['exactly 120 KiB', flask({ [COMMAND]: 'x'.repeat(120 * 1024) })],
    [
      'many arguments of 120 KiB',
      flask({ [COMMAND]: JSON.stringify(['a', 'x'.repeat(120 * 1024), 'y'.repeat(1000)]) }),
    ],
    ['annotations of others that look alike', annotate(flask(), { 'migrate.iox/command': 'x', 'xmigrate.io/y': 'z' })],
  ]
  for (const [what, object] of FINE) test(`A8: ${what}`, () => assert.equal(create(object).kind, 'injected'))

  test('A8: the label alone is taken off, with a warning', () => {
    const labelled = put(flask({}), ['spec', 'template', 'metadata', 'labels', 'migrate.io/protocol'], '1')
    const decision = create(labelled)
    assert.equal(at(stored(decision), 'spec', 'template', 'metadata', 'labels', 'migrate.io/protocol'), undefined)
    assert.match(decision.warnings.join(), /migrate\.io\/protocol/)
  })

  test('A8: an injected container whose annotations were taken off is stripped', () => {
    const decision = create(annotate(injected, { [COMMAND]: undefined, 'migrate.io/injected': undefined }))
    assert.deepEqual(copies(stored(decision)), [])
  })
})

suite('A8: an update is refused only for what it changes', () => {
  /** Stored while the namespace had not opted in, or while nobody was asked. */
  const old = annotate(flask(), { 'migrate.io/timeout': 'soon', 'migrate.io/comandd': 'x' })

  test('A8: the old faults warn', () => {
    const decision = update(old, put(old, IMAGE, 'app:2'))
    assert.notEqual(decision.kind, 'refused')
    assert.match(decision.warnings.join('\n'), /timeout(.|\n)*comandd/)
  })

  test('A8: a new fault beside old ones is refused, and only that', () => {
    const problems = refusal(update(old, annotate(old, { 'migrate.io/retries': 'x' })))
    assert.equal(problems.length, 1)
    assert.match(problems.join(), /retries/)
  })

  test('A8: another bad value in place of a bad one is a change', () => {
    assert.match(refusal(update(old, annotate(old, { 'migrate.io/timeout': 'later' }))).join(), /later/)
    const long = annotate(flask(), { [COMMAND]: `["${'x'.repeat(100)}", 1]` })
    const longer = annotate(flask(), { [COMMAND]: `["${'x'.repeat(100)}", 2]` })
    assert.equal(update(long, longer).kind, 'refused', 'values that differ beyond what a message quotes')
  })

  test('A8: a forged grant is refused with each new template, and warned of otherwise', () => {
    const forged = put(flask(), [...TEMPLATE_ANNOTATIONS, 'migrate.io/grant'], 'run 9')
    assert.match(refusal(update(forged, put(forged, IMAGE, 'app:2'))).join(), /migrate\.io\/grant/)
    assert.notEqual(update(forged, annotate(forged, { other: 'x' })).kind, 'refused')
  })

  test('A8: a grant in a template is refused without migrate.io/command too', () => {
    const forged = put(flask({ 'migrate.io/lock': 'db' }), [...TEMPLATE_ANNOTATIONS, 'migrate.io/grant'], 'run 9')
    assert.equal(create(forged).kind, 'refused')
  })

  test('A8: an old fault never leaves an init container behind with another image than the app has', () => {
    // The stored one holds ours; its command was spoilt while nobody was asked.
    const spoilt = annotate(injected, { [COMMAND]: '' })
    const decision = update(spoilt, put(spoilt, IMAGE, 'app:2'))
    if (decision.kind === 'refused') return
    for (const { image } of copies(decision.deployment)) assert.equal(image, 'app:2')
  })

  test('A8: an old fault that is still there stays old when something is put before it', () => {
    const clash = withMount({ name: 'x', mountPath: '/run/migrate.io' })
    const [app] = list(clash, ...POD, 'containers')
    const sidecar: Json = { name: 'sidecar', image: 'x' }
    const named = (containers: Json) =>
      annotate(put(clash, [...POD, 'containers'], containers), { 'migrate.io/container': 'flask' })
    assert.notEqual(update(named([app ?? null]), named([sidecar, app ?? null])).kind, 'refused')
  })

  test('A8: in a namespace that did not opt in nothing is refused', () => {
    for (const [what, object] of FAULTS)
      assert.notEqual(decideInjection({ object, optedIn: false }).kind, 'refused', what)
  })
})

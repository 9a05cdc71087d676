import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { decideInjection } from '../../../src/injection/decide.ts'
import { isObject, type Json, type JsonObject } from '../../../src/json.ts'
import { annotatedDeployment } from '../../support/arbitrary/deployment.ts'
import { editOfContainer } from '../../support/arbitrary/edit.ts'
import { withDefaults } from '../../support/injection/api-server.ts'
import {
  ANNOTATIONS,
  annotate,
  asStored,
  at,
  copies,
  deepFreeze,
  flask,
  list,
  migration,
  POD,
  put,
  stored,
  withoutRecord,
} from '../../support/injection/objects.ts'

const INJECTED = 'migrate.io/injected'
const CONTAINERS = [...POD, 'containers'] as const
const APP = [...CONTAINERS, 0] as const
const OURS = [...POD, 'initContainers', 0] as const

const create = (object: JsonObject) => stored(decideInjection({ object: deepFreeze(object), optedIn: true }))
const update = (before: JsonObject, now: JsonObject) =>
  stored(decideInjection({ object: deepFreeze(now), oldObject: deepFreeze(asStored(before)), optedIn: true }))
const uninject = (object: JsonObject) => stored(decideInjection({ object: deepFreeze(object), optedIn: false }))
const recordOf = (object: JsonObject) => JSON.parse(String(at(object, ...ANNOTATIONS, INJECTED))) as JsonObject
const withRecord = (object: JsonObject, record: JsonObject) =>
  put(object, [...ANNOTATIONS, INJECTED], JSON.stringify(record))
/** As a version left it that recorded nothing by key. */
const byOldVersion = (object: JsonObject) => {
  const { copied: _, ...record } = recordOf(object)
  return withRecord(object, record)
}
const renamed = (object: JsonObject, name: string) => put(object, ['metadata', 'name'], name)
const templateOf = (object: JsonObject) => at(object, 'spec', 'template')

const SHOP: JsonObject = put(
  put(
    annotate(flask(), { 'migrate.io/command': 'bin/rails db:migrate' }),
    [...POD, 'volumes'],
    [{ name: 'settings', configMap: { name: 'shop-settings' } }],
  ),
  APP,
  {
    name: 'web',
    image: 'registry.example.com/shop:1',
    envFrom: [{ secretRef: { name: 'production-db' } }],
    env: [{ name: 'DIRECT_URL', value: 'postgres://prod-direct/app' }],
    resources: { limits: { memory: '512Mi', cpu: '1' } },
    securityContext: { runAsUser: 0 },
    volumeMounts: [{ name: 'settings', mountPath: '/etc/shop' }],
  },
)
const STAGING = [{ secretRef: { name: 'staging-db' } }]

/** The staging copy of what was injected: another database, and nothing else of what production had. */
function toStaging(injected: JsonObject): JsonObject {
  const app = {
    name: 'web',
    image: 'registry.example.com/shop:1',
    envFrom: STAGING,
    resources: { limits: { memory: '1Gi' } },
  }
  const volumes = list(injected, ...POD, 'volumes').filter(({ name }) => name !== 'settings')
  return put(put(injected, APP, app), [...POD, 'volumes'], volumes)
}

function assertStaging(object: JsonObject): void {
  const ours = migration(object)
  assert.deepEqual(ours['envFrom'], STAGING)
  assert.equal(ours['env'], undefined)
  assert.deepEqual(ours['resources'], { limits: { memory: '1Gi' } })
  assert.equal(ours['securityContext'], undefined)
  assert.deepEqual(
    list(ours, 'volumeMounts').map(({ name }) => name),
    ['migrate-io', 'migrate-io-state'],
  )
}

suite('A14: the staging copy of an injected manifest', () => {
  const injected = create(SHOP)
  const edited = toStaging(injected)
  const stagingMounts = [{ name: 'agent', mountPath: '/agent' }]

  test('A14: created: nothing of production is left in the init container', () => {
    assertStaging(create(edited))
    assert.deepEqual(create(edited), create(uninject(edited)))
  })

  test('A14: created under another name: the same, and its volume names its own record', () => {
    const copy = create(renamed(edited, 'staging'))
    assertStaging(copy)
    assert.deepEqual(copy, create(uninject(renamed(edited, 'staging'))))
    const volume = JSON.stringify(list(copy, ...POD, 'volumes').find(({ name }) => name === 'migrate-io'))
    assert.match(volume, /"deployment\.staging\.migrate-io"/)
    assert.doesNotMatch(volume, /"deployment\.flask\.migrate-io"/)
  })

  test('A14: put in place of a bare Deployment, or of another injected one', () => {
    const bare = annotate(SHOP, { 'migrate.io/command': undefined })
    const elsewhere = put(SHOP, [...APP, 'envFrom'], [{ secretRef: { name: 'former-db' } }])
    for (const before of [bare, create(elsewhere), byOldVersion(create(elsewhere)), injected]) {
      assertStaging(update(before, edited))
      assert.deepEqual(templateOf(update(before, edited)), templateOf(create(edited)))
    }
  })

  test('A14: injected by a version that recorded nothing by key: what is unknown goes', () => {
    const old = byOldVersion(edited)
    assertStaging(create(old))
    assertStaging(create(annotate(old, { [INJECTED]: undefined })))
    assertStaging(update(annotate(SHOP, { 'migrate.io/command': undefined }), old))
    assert.deepEqual(create(old), create(uninject(old)))
  })

  test("A14: what another webhook had added to the init container stays, beside production's parts that go", () => {
    const agent = [{ name: 'AGENT', value: 'on' }]
    const withAgent = put(
      put(injected, [...OURS, 'env'], [...list(injected, ...OURS, 'env'), ...agent]),
      [...OURS, 'volumeMounts'],
      [...list(injected, ...OURS, 'volumeMounts'), ...stagingMounts],
    )
    const ours = migration(create(toStaging(withAgent)))
    assert.deepEqual(ours['envFrom'], STAGING)
    assert.deepEqual(ours['env'], agent)
    assert.deepEqual(
      list(ours, 'volumeMounts').map(({ name }) => name),
      ['migrate-io', 'migrate-io-state', 'agent'],
    )
  })

  test('A14: a reference that the API server wrote in other words is the same reference', () => {
    const prefixed = put(SHOP, [...APP, 'envFrom'], [{ prefix: '', secretRef: { name: 'production-db' } }])
    const sent = toStaging(create(prefixed))
    const asDecoded = put(sent, [...OURS, 'envFrom'], [{ secretRef: { name: 'production-db' } }])
    assertStaging(create(asDecoded))
  })
})

/** What Flagger makes of a Deployment: its primary reads Secrets of its own, named in its containers, not in init containers. */
suite('A14: a tool that copies a template into a Deployment of another name', () => {
  const PRIMARY = [{ secretRef: { name: 'production-db-primary' } }]
  const canary = asStored(create(SHOP))
  const promoted = (template: JsonObject) => put(template, [...APP, 'envFrom'], PRIMARY)
  const primary = create(promoted(renamed(canary, 'shop-primary')))
  const next = asStored(update(canary, put(canary, [...APP, 'image'], 'registry.example.com/shop:2')))

  test('A14: the copy reads what its own container reads', () => {
    assert.deepEqual(migration(primary)['envFrom'], PRIMARY)
    assert.deepEqual(primary, create(uninject(promoted(renamed(canary, 'shop-primary')))))
  })

  test('A14: a later template of the original, into the copy: with the annotations of either', () => {
    const template = templateOf(promoted(next)) as JsonObject
    for (const before of [primary, byOldVersion(primary)])
      for (const annotations of [at(before, ...ANNOTATIONS), at(next, ...ANNOTATIONS)]) {
        const after = update(before, put(put(before, ['spec', 'template'], template), ANNOTATIONS, annotations))
        assert.deepEqual(migration(after)['envFrom'], PRIMARY)
        assert.equal(migration(after)['image'], 'registry.example.com/shop:2')
        assert.match(JSON.stringify(list(after, ...POD, 'volumes')), /deployment\.shop-primary\.migrate-io/)
        assert.deepEqual(update(before, after), after, 'reinvocation')
      }
  })
})

suite('A14: the whole Deployment is as after uninject and inject', () => {
  const DEADLINE = ['spec', 'progressDeadlineSeconds'] as const
  const hour = create(put(annotate(flask(), { 'migrate.io/timeout': '1h' }), DEADLINE, 700))

  test('A14: another timeout, in an injected manifest: the raised deadline is not taken for the user’s', () => {
    for (const [timeout, expected] of [
      ['2h', 7200 + 600],
      ['5m', 700],
      [undefined, 700],
    ] as const) {
      const edited = annotate(hour, { 'migrate.io/timeout': timeout })
      assert.equal(at(create(edited), ...DEADLINE), expected, String(timeout))
      assert.deepEqual(create(edited), create(uninject(edited)), String(timeout))
      assert.equal(at(uninject(create(edited)), ...DEADLINE), 700)
    }
  })

  test('A14: a deadline that the user states in an injected manifest is kept, by uninject too', () => {
    for (const deadline of [9000, 650]) {
      const edited = put(hour, DEADLINE, deadline)
      assert.equal(at(uninject(edited), ...DEADLINE), deadline)
      assert.deepEqual(create(edited), create(uninject(edited)))
    }
  })

  test('A14: an injected manifest in place of a bare Deployment: strategy and deadline come back on removal', () => {
    const bare = put(annotate(flask({}), { other: 'x' }), ['spec', 'strategy'], {
      type: 'RollingUpdate',
      rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' },
    })
    const after = update(bare, hour)
    assert.deepEqual(at(after, 'spec', 'strategy'), {
      type: 'RollingUpdate',
      rollingUpdate: { maxSurge: 1, maxUnavailable: 1 },
    })
    const removed = update(after, annotate(after, { 'migrate.io/command': undefined }))
    assert.equal(at(removed, 'spec', 'strategy'), undefined)
    assert.equal(at(removed, ...DEADLINE), 700)
  })

  test('A14: another container, strategy or number of replicas, in an injected manifest', () => {
    const two = put(SHOP, CONTAINERS, [
      ...list(SHOP, ...CONTAINERS),
      { name: 'worker', image: 'worker:1', env: [{ name: 'QUEUE', value: 'q' }], workingDir: '/worker' },
    ])
    const rolling = create(
      put(annotate(two, { 'migrate.io/strategy': 'rolling' }), ['spec', 'strategy'], { type: 'Recreate' }),
    )
    for (const edited of [
      annotate(rolling, { 'migrate.io/container': 'worker' }),
      annotate(rolling, { 'migrate.io/strategy': 'keep' }),
      put(rolling, ['spec', 'replicas'], 1),
      annotate(rolling, { 'migrate.io/command': '["other"]' }),
    ])
      assert.deepEqual(create(edited), create(uninject(edited)))
  })
})

suite('A14: the record by key', () => {
  test('A14: names, paths and references; never a value of a variable, a limit or a user', () => {
    const { copied } = recordOf(create(SHOP))
    assert.deepEqual(copied, {
      env: ['DIRECT_URL'],
      envFrom: [{ secretRef: { name: 'production-db' } }],
      resources: { limits: { cpu: 0, memory: 0 } },
      securityContext: { runAsUser: 0 },
      volumeMounts: ['/etc/shop'],
    })
    const text = JSON.stringify(recordOf(create(SHOP)))
    for (const value of ['postgres', '512Mi', 'registry']) assert.doesNotMatch(text, new RegExp(value))
  })

  test('A14: the same for a manifest and for what the API server makes of it', () => {
    const sent = put(SHOP, [...APP, 'envFrom'], [{ secretRef: { optional: true, name: 'a' }, prefix: '' }])
    const sparse = put(put(sent, [...APP, 'workingDir'], ''), [...APP, 'securityContext'], { seLinuxOptions: {} })
    assert.deepEqual(recordOf(create(withDefaults(sparse)))['copied'], recordOf(create(sparse))['copied'])
    fc.assert(
      fc.property(annotatedDeployment, (object) => {
        const byCli = create(object)
        assert.deepEqual(recordOf(create(withDefaults(byCli)))['copied'], recordOf(byCli)['copied'])
      }),
      { numRuns: 100 },
    )
  })

  test('A14: an update that leaves the user’s part alone writes none, whatever version wrote what is stored', () => {
    for (const before of [create(SHOP), byOldVersion(create(SHOP))])
      for (const now of [
        before,
        annotate(before, { other: 'x' }),
        annotate(before, { 'migrate.io/retries': '2' }),
        put(before, ['spec', 'paused'], true),
      ])
        assert.deepEqual(update(before, now), now)
  })

  test('A14: rollout undo to a revision of a version that recorded nothing by key keeps it, additions and all', () => {
    const first = put(
      create(SHOP),
      [...OURS, 'env'],
      [
        { name: 'DIRECT_URL', value: 'postgres://prod-direct/app' },
        { name: 'AGENT', value: 'on' },
      ],
    )
    const before = update(byOldVersion(first), put(byOldVersion(first), [...APP, 'image'], 'shop:2'))
    const undone = put(
      put(before, ['spec', 'template'], templateOf(first)),
      ANNOTATIONS,
      at(byOldVersion(first), ...ANNOTATIONS),
    )
    assert.deepEqual(templateOf(update(before, undone)), templateOf(first))
  })

  test('A14: between two calls of one update another webhook adds what the user has just taken away: it stays', () => {
    const before = create(SHOP)
    const once = update(before, put(before, [...APP, 'env'], undefined))
    assert.equal(migration(once)['env'], undefined)
    const added = put(once, [...OURS, 'env'], [{ name: 'DIRECT_URL', value: 'postgres://proxy' }])
    assert.deepEqual(update(before, added), added)
  })

  test('A14: one that is unreadable, or wrong by hand, breaks nothing and keeps the rest of the record', () => {
    const injected = create(put(SHOP, ['spec', 'strategy'], null))
    const record = recordOf(injected)
    for (const copied of [
      5,
      'x',
      [],
      null,
      { env: 5 },
      { env: { A: 0 } },
      { envFrom: [null, [5]] },
      { resources: [] },
    ]) {
      const forged = withRecord(toStaging(injected), { ...record, copied } as JsonObject)
      const after = create(forged)
      assert.equal(copies(after).length, 1)
      assert.equal(at(uninject(forged), 'spec', 'strategy'), null, 'the strategy is known all the same')
      assert.deepEqual(create(after), after)
    }
  })

  test('A14: where annotations would be more than the API server takes, it is left out', () => {
    const env = Array.from({ length: 4000 }, (_, i) => ({ name: `SETTING_${i}`, value: 'x' }))
    const long = put(SHOP, [...APP, 'env'], env)
    const size = (object: JsonObject) =>
      Object.entries(at(object, ...ANNOTATIONS) as Record<string, string>).reduce(
        (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
        0,
      )
    assert.equal(list(recordOf(create(long)), 'copied', 'env').length, 4000)
    const full = annotate(long, { note: 'é'.repeat(120_000) })
    const injected = create(full)
    assert.equal(recordOf(injected)['copied'], undefined)
    assert.ok(size(injected) <= 256 * 1024, String(size(injected)))
    assert.deepEqual(create(injected), injected)
  })
})

suite('A14: whatever was edited in the app’s container', () => {
  /** The one that is injected from: annotated as `app0`, or the first. */
  const inTarget = (object: JsonObject, change: (container: JsonObject) => JsonObject) =>
    put(object, APP, change(at(object, ...APP) as JsonObject))
  /** Lists and mappings without content are the same to Kubernetes as none, and so is null. */
  const withoutEmpty = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(withoutEmpty)
    if (!isObject(value)) return value
    const entries = Object.entries(value).map(([key, inner]) => [key, withoutEmpty(inner)] as const)
    return Object.fromEntries(
      entries.filter(([, inner]) => inner !== null && (typeof inner !== 'object' || Object.keys(inner).length > 0)),
    )
  }
  const same = (a: JsonObject, b: JsonObject) =>
    assert.deepEqual(withoutEmpty(withoutRecord(a)), withoutEmpty(withoutRecord(b)))

  const AGENT = [
    { name: 'XAGENT', value: 'on' },
    { name: 'xagent', mountPath: '/xagent' },
  ] as const
  const addTo = (container: JsonObject, [variable, mount]: typeof AGENT) =>
    put(
      put(container, ['env'], [...list(container, 'env'), variable]),
      ['volumeMounts'],
      [...list(container, 'volumeMounts'), mount],
    )
  const isAgent = (item: JsonObject) => String(item['name']).toLowerCase() === 'xagent'
  const withoutAgent = (container: JsonObject) =>
    ['env', 'volumeMounts'].reduce(
      (changed, field) =>
        put(
          changed,
          [field],
          list(changed, field).filter((item) => !isAgent(item)),
        ),
      container,
    )
  const changeOurs = (object: JsonObject, change: (container: JsonObject) => JsonObject) => {
    const at = list(object, ...POD, 'initContainers').length - 1
    return put(object, [...POD, 'initContainers', at], change(migration(object)))
  }

  test('A14: random edits of a random Deployment: as uninject and inject give, created, copied or put in place', () => {
    fc.assert(
      fc.property(annotatedDeployment, editOfContainer, annotatedDeployment, (object, edit, other) => {
        const edited = inTarget(create(object), edit)
        const expected = create(uninject(edited))
        same(create(edited), expected)
        same(create(byOldVersion(edited)), expected)
        const copy = renamed(edited, 'a-copy')
        same(create(copy), create(uninject(copy)))
        const named = renamed(edited, 'app')
        const template = (result: JsonObject) => ({ template: templateOf(result) ?? null }) as JsonObject
        for (const before of [renamed(other, 'app'), create(renamed(other, 'app'))])
          same(template(update(before, named)), template(create(uninject(named))))
        assert.deepEqual(create(create(edited)), create(edited), 'and again')
      }),
      { numRuns: 100 },
    )
  })

  test('A14: the same where another webhook has added to the init container, before the edit and after it', () => {
    fc.assert(
      fc.property(annotatedDeployment, editOfContainer, fc.boolean(), (object, edit, isEverywhere) => {
        const webhook = (injected: JsonObject) =>
          changeOurs(isEverywhere ? inTarget(injected, (app) => addTo(withoutAgent(app), AGENT)) : injected, (ours) =>
            addTo(withoutAgent(ours), AGENT),
          )
        const edited = inTarget(webhook(create(object)), edit)
        const first = create(edited)
        same(changeOurs(first, withoutAgent), changeOurs(create(uninject(edited)), withoutAgent))
        for (const field of ['env', 'volumeMounts'])
          assert.equal(list(migration(first), field).filter(isAgent).length, 1, `what it added to ${field} stays`)
        const second = create(webhook(first))
        same(changeOurs(second, withoutAgent), changeOurs(create(uninject(webhook(first))), withoutAgent))
        for (const field of ['env', 'volumeMounts'])
          assert.equal(list(migration(second), field).filter(isAgent).length, 1, `${field}, asked again`)
      }),
      { numRuns: 80 },
    )
  })
})

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import jsonpatch, { type Operation } from 'fast-json-patch'
import { decideInjection } from '../../../src/injection/decide.ts'
import { isObject, type Json, type JsonObject } from '../../../src/json.ts'
import { APPARMOR_PREFIX } from '../../../src/names.ts'
import { deploymentsOf, goldens } from '../../golden/golden.ts'
import { annotatedDeployment } from '../../support/arbitrary/deployment.ts'
import {
  annotate,
  asStored,
  at,
  deepFreeze,
  list,
  migration,
  POD,
  put,
  stored,
  withoutRecord,
} from '../../support/injection/objects.ts'

const SAFE_TO_EVICT = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes'
const TEMPLATE = '/spec/template'
const pointer = (...keys: string[]) => keys.map(jsonpatch.escapePathComponent).join('/')

const create = (object: JsonObject) => stored(decideInjection({ object: deepFreeze(object), optedIn: true }))
const update = (object: JsonObject, oldObject: JsonObject) =>
  stored(decideInjection({ object: deepFreeze(object), oldObject: deepFreeze(asStored(oldObject)), optedIn: true }))
const diff = (from: JsonObject, to: JsonObject): readonly Operation[] => jsonpatch.compare(from, to)

const annotatedGoldens = goldens().flatMap(({ name, inputPath }) =>
  deploymentsOf(inputPath)
    .filter((object) => JSON.stringify(object['metadata']).includes('migrate.io/command'))
    .map((object) => ({ name, object })),
)

/** All that an injection may add to an object, by JSON pointer. Where a parent is missing, it is added with its content. */
function additions(object: JsonObject): ReadonlySet<string> {
  const metadata = at(object, 'spec', 'template', 'metadata')
  const inMap = (map: string, key: string) =>
    !isObject(metadata)
      ? `${TEMPLATE}/metadata`
      : isObject(metadata[map])
        ? `${TEMPLATE}/metadata/${map}/${pointer(key)}`
        : `${TEMPLATE}/metadata/${map}`
  const inList = (name: string, count: number) => {
    const items = at(object, ...POD, name)
    const path = `${TEMPLATE}/spec/${name}`
    return Array.isArray(items) ? Array.from({ length: count }, (_, i) => `${path}/${items.length + i}`) : [path]
  }
  return new Set([
    `/metadata/annotations/${pointer('migrate.io/injected')}`,
    inMap('labels', 'migrate.io/protocol'),
    inMap('annotations', SAFE_TO_EVICT),
    // Where the app's container has a profile by annotation.
    ...(JSON.stringify(metadata ?? null).includes(APPARMOR_PREFIX)
      ? [inMap('annotations', `${APPARMOR_PREFIX}migrate-io`)]
      : []),
    ...inList('initContainers', 1),
    ...inList('volumes', 2),
    '/spec/strategy',
    '/spec/progressDeadlineSeconds',
  ])
}

/** Fails where a patch does more than to add ours: `remove` and `replace` are for what ours stands in place of. */
function checkMinimal(patch: readonly Operation[], object: JsonObject): void {
  const allowed = additions(object)
  for (const operation of patch) {
    const { op, path } = operation
    if (path.startsWith('/spec/strategy/') || path === '/spec/strategy') continue
    assert(allowed.has(path), `${op} ${path}`)
    if (op === 'add') continue
    assert.equal(op, 'replace', path)
    const seen: Json = jsonpatch.getValueByPointer(object, path)
    if (path === '/spec/progressDeadlineSeconds' || seen === null) continue
    assert(path.endsWith(pointer(SAFE_TO_EVICT)), `replace ${path}`)
    assert.equal(operation.value, seen === '' ? 'migrate-io-state' : `${seen},migrate-io-state`)
  }
}

/** Fails where something was copied or replaced that has not changed. */
function checkShared(object: JsonObject, injected: JsonObject): void {
  const same = (...path: string[]) => assert.equal(at(injected, ...path), at(object, ...path), path.join('.'))
  same('spec', 'selector')
  same('metadata', 'labels')
  same(...POD, 'containers')
  same(...POD, 'tolerations')
  for (const name of ['initContainers', 'volumes'])
    for (const [i, item] of list(object, ...POD, name).entries())
      assert.equal(list(injected, ...POD, name)[i], item, `${name} ${i}`)
}

function check(object: JsonObject): void {
  const injected = create(object)
  const patch = diff(object, injected)
  checkMinimal(patch, object)
  checkShared(object, injected)
  // As it travels: a patch in JSON, applied by somebody else to what was sent.
  const travelled = JSON.parse(JSON.stringify(patch)) as Operation[]
  assert.deepEqual(
    jsonpatch.applyPatch(structuredClone(object), travelled, true).newDocument,
    JSON.parse(JSON.stringify(injected)),
  )
  assert.equal(list(injected, ...POD, 'initContainers').at(-1), migration(injected), 'ours is last')

  assert.deepEqual(diff(injected, create(injected)), [], 'created with ours in it')
  assert.equal(create(injected), injected, 'the very same object')
  assert.deepEqual(diff(injected, update(injected, injected)), [], 'updated with the stored object itself')
  assert.equal(update(injected, injected), injected, 'the very same object')
  assert.deepEqual(withoutRecord(update(object, injected)), withoutRecord(injected), 'replaced by the bare manifest')
}

suite('A2: injecting twice gives an empty patch, and the patch is minimal', () => {
  for (const { name, object } of annotatedGoldens) test(`A2: golden ${name}`, () => check(object))

  test('A2: there are goldens', () => assert(annotatedGoldens.length >= 25, String(annotatedGoldens.length)))

  test('A2: random Deployments', () => {
    fc.assert(fc.property(annotatedDeployment, check), { numRuns: 150 })
  })

  test('A2: random Deployments, changed by their user after the injection', () => {
    fc.assert(
      fc.property(annotatedDeployment, annotatedDeployment, (first, second) => {
        const named = put(second, ['metadata', 'name'], at(first, 'metadata', 'name'))
        const before = create(first)
        const after = update(named, before)
        checkMinimal(diff(named, after), named)
        assert.deepEqual(diff(after, update(after, before)), [], 'reinvocation')
        assert.deepEqual(diff(after, update(after, after)), [], 'the next update')
      }),
      { numRuns: 150 },
    )
  })
})

suite('A2: what is not ours to touch', () => {
  const unannotated = annotatedDeployment.map((object) =>
    put(
      object,
      ['metadata', 'annotations'],
      Object.fromEntries(
        Object.entries(at(object, 'metadata', 'annotations') as JsonObject).filter(
          ([key]) => !key.startsWith('migrate.io/'),
        ),
      ),
    ),
  )

  test('A2: a Deployment without our annotations comes back as the very same object', () => {
    fc.assert(
      fc.property(unannotated, fc.boolean(), (object, optedIn) => {
        const decision = decideInjection({ object: deepFreeze(object), optedIn })
        assert.equal(decision.kind, 'untouched')
        assert.equal(stored(decision), object)
        assert.deepEqual(decision.warnings, [])
      }),
      { numRuns: 150 },
    )
  })

  test('A2: an annotated one in a namespace that did not opt in comes back as the very same object', () => {
    fc.assert(
      fc.property(annotatedDeployment, (object) => {
        assert.equal(stored(decideInjection({ object: deepFreeze(object), optedIn: false })), object)
      }),
      { numRuns: 100 },
    )
  })
})

suite('A6: taking ours off is the inverse of putting it in', () => {
  /** Lists and mappings without content are the same to Kubernetes as none, and so is null. */
  const withoutEmpty = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(withoutEmpty)
    if (!isObject(value)) return value
    const entries = Object.entries(value).map(([key, inner]) => [key, withoutEmpty(inner)] as const)
    return Object.fromEntries(
      entries.filter(([, inner]) => inner !== null && (typeof inner !== 'object' || Object.keys(inner).length > 0)),
    )
  }
  const userAnnotations = ['command', 'container', 'strategy', 'lock', 'timeout', 'retries']
  const withoutOurs = (object: JsonObject) =>
    annotate(object, Object.fromEntries(userAnnotations.map((name) => [`migrate.io/${name}`, undefined])))
  const removed = (object: JsonObject) => {
    const injected = create(object)
    return [
      update(withoutOurs(injected), injected),
      create(withoutOurs(injected)),
      update(withoutOurs(object), injected),
    ]
  }

  test('A6: goldens', () => {
    for (const { name, object } of annotatedGoldens)
      for (const bare of removed(object)) assert.deepEqual(withoutEmpty(bare), withoutEmpty(withoutOurs(object)), name)
  })

  test('A6: random Deployments', () => {
    fc.assert(
      fc.property(annotatedDeployment, (object) => {
        for (const bare of removed(object)) assert.deepEqual(withoutEmpty(bare), withoutEmpty(withoutOurs(object)))
      }),
      { numRuns: 150 },
    )
  })

  test('A13: a namespace that is not opted in: the same, annotations of the user aside, and it says why', () => {
    fc.assert(
      fc.property(annotatedDeployment, (object) => {
        const injected = create(object)
        const decision = decideInjection({ object: injected, oldObject: injected, optedIn: false })
        assert.deepEqual(withoutEmpty(stored(decision)), withoutEmpty(object))
        assert.equal(decision.kind, 'stripped')
        assert.equal(decision.reason, 'not-opted-in')
      }),
      { numRuns: 150 },
    )
  })
})

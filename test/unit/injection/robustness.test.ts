import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { decideInjection } from '../../../src/injection/decide.ts'
import { isObject, type Json, type JsonObject } from '../../../src/json.ts'
import { annotatedDeployment } from '../../support/arbitrary/deployment.ts'
import {
  ANNOTATIONS,
  at,
  copies,
  deepFreeze,
  flask,
  POD,
  put,
  refusal,
  stored,
} from '../../support/injection/objects.ts'

const SPECIAL = ['__proto__', 'constructor', 'toJSON', 'hasOwnProperty', 'then', 'length', 'toString', 'name']

const json = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
  fc
    .dictionary(fc.constantFrom(...SPECIAL), fc.constantFrom('x', '1', 'null', '{}', '[]'), { maxKeys: 3 })
    .map(
      (map) =>
        JSON.parse(
          `{${Object.entries(map).map(([key, value]) => `${JSON.stringify(key)}:${value === 'x' ? '"x"' : value}`)}}`,
        ) as Json,
    ),
)

/** All places in a value. */
function paths(value: Json, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  const inner = Array.isArray(value) ? [...value.entries()] : isObject(value) ? Object.entries(value) : []
  return [path, ...inner.flatMap(([key, item]) => paths(item as Json, [...path, key as string]))]
}

const base = fc.oneof(
  annotatedDeployment,
  annotatedDeployment.map((object) => stored(decideInjection({ object, optedIn: true }))),
)
/** A Deployment, bare or injected, with anything in some of its places, and some of them gone. */
const mutilated = fc
  .tuple(base, fc.array(fc.tuple(fc.nat(), fc.option(json, { nil: undefined })), { minLength: 1, maxLength: 3 }))
  .map(([object, changes]) =>
    changes.reduce<JsonObject>((changed, [position, value]) => {
      const all = paths(changed)
      const path = all[position % all.length] ?? []
      return path.length === 0 ? changed : put(changed, path, value)
    }, object),
  )

const decideAny = (object: Json, oldObject: Json | undefined, optedIn: boolean) =>
  decideInjection(
    oldObject === undefined
      ? { object: deepFreeze(object) as JsonObject, optedIn }
      : { object: deepFreeze(object) as JsonObject, oldObject: deepFreeze(oldObject) as JsonObject, optedIn },
  )

suite('A11: decide never throws', () => {
  const check = (object: Json, oldObject: Json | undefined, optedIn: boolean) => {
    const decision = decideAny(object, oldObject, optedIn)
    if (decision.kind === 'refused') assert(decision.problems.length > 0)
    else assert.doesNotThrow(() => JSON.stringify(decision.deployment))
    for (const text of decision.warnings) assert.equal(typeof text, 'string')
    assert.equal(({} as Record<string, unknown>)['x'], undefined, 'a prototype was changed')
  }

  test('A11: any JSON', () => {
    fc.assert(fc.property(json, fc.option(json, { nil: undefined }), fc.boolean(), check), { numRuns: 500 })
  })

  test('A11: mutilated Deployments', () => {
    fc.assert(fc.property(mutilated, fc.option(mutilated, { nil: undefined }), fc.boolean(), check), { numRuns: 150 })
  })

  test('A11: a mutilated one in place of a good one, and the other way', () => {
    fc.assert(
      fc.property(base, mutilated, (good, bad) => {
        check(bad, good, true)
        check(good, bad, true)
      }),
      { numRuns: 150 },
    )
  })

  test('A11: wrong types in each place that is read are refused with their place', () => {
    const full = put(
      put(flask(), [...POD, 'containers', 0, 'volumeMounts'], [{ name: 'a', mountPath: '/a' }]),
      [...POD, 'volumes'],
      [{ name: 'a' }],
    )
    for (const [path, value] of [
      [['metadata'], 'x'],
      [['metadata', 'annotations'], ['migrate.io/command']],
      [['metadata', 'annotations', 'migrate.io/command'], 5],
      [['metadata', 'name'], 5],
      [['spec'], null],
      [['spec', 'replicas'], '3'],
      [['spec', 'strategy'], 'Recreate'],
      [['spec', 'strategy'], { rollingUpdate: 1 }],
      [['spec', 'progressDeadlineSeconds'], '600'],
      [['spec', 'template'], []],
      [['spec', 'template', 'metadata'], 'x'],
      [['spec', 'template', 'metadata', 'labels'], { a: 1 }],
      [[...POD], 'x'],
      [[...POD, 'containers'], []],
      [[...POD, 'containers'], {}],
      [[...POD, 'containers', 0], 'flask'],
      [[...POD, 'containers', 0, 'name'], 7],
      [[...POD, 'containers', 0, 'volumeMounts'], {}],
      [[...POD, 'containers', 0, 'volumeMounts', 0, 'mountPath'], 7],
      [[...POD, 'initContainers'], 'x'],
      [[...POD, 'volumes'], { a: 1 }],
      [[...POD, 'nodeSelector'], 'x'],
    ] as const) {
      const problems = refusal(decideInjection({ object: put(full, path, value), optedIn: true }))
      const place = path.filter((key) => typeof key === 'string').at(-1) ?? ''
      assert(
        problems.some((text) => text.includes(place)),
        `${path.join('.')}: ${problems}`,
      )
    }
  })
})

suite('A11: keys that mean something to JavaScript', () => {
  const strange = (prefix = '') =>
    JSON.parse(
      `{"__proto__": "${prefix}a", "constructor": "${prefix}b", "toJSON": "${prefix}c", "hasOwnProperty": "${prefix}d"}`,
    ) as JsonObject
  const keysOf = (value: Json | undefined) => Object.keys((value ?? {}) as JsonObject)

  test('A11: as labels and annotations they stay', () => {
    const object = put(
      put(put(flask(), ANNOTATIONS, { ...strange(), 'migrate.io/command': 'x' }), ['metadata', 'labels'], strange()),
      ['spec', 'template', 'metadata'],
      { labels: strange(), annotations: strange() },
    )
    // Spread takes __proto__ as the key that it is.
    assert(keysOf(at(object, 'metadata', 'annotations')).includes('__proto__'))
    const injected = stored(decideInjection({ object: deepFreeze(object), optedIn: true }))
    assert.equal(copies(injected).length, 1)
    for (const path of [
      ANNOTATIONS,
      ['metadata', 'labels'],
      ['spec', 'template', 'metadata', 'labels'],
      ['spec', 'template', 'metadata', 'annotations'],
    ])
      for (const key of SPECIAL.slice(0, 4))
        assert.equal(at(injected, ...path, key), at(object, ...path, key), `${path.join('.')} ${key}`)
  })

  test('A11: as unknown fields, and in resources of our container, they stay', () => {
    const unknown = JSON.parse('{"limits": {"__proto__": "1", "constructor": "2"}, "toJSON": "x"}') as JsonObject
    const object = put({ ...flask(), ...strange() }, [...POD, 'containers', 0, 'resources'], unknown)
    const injected = stored(decideInjection({ object: deepFreeze(object), optedIn: true }))
    const again = stored(decideInjection({ object: deepFreeze(injected), optedIn: true }))
    for (const result of [injected, again]) {
      assert.equal(JSON.stringify(at(result, ...POD, 'containers')), JSON.stringify(at(object, ...POD, 'containers')))
      assert.deepEqual(keysOf(at(copies(result)[0], 'resources', 'limits')), ['__proto__', 'constructor'])
      assert.deepEqual(keysOf(result).slice(-4), keysOf(strange()))
    }
  })

  test('A11: where a warning would quote them they break nothing', () => {
    const object = JSON.parse('{"toString": "x", "toJSON": "y"}') as JsonObject
    for (const strategy of [
      { type: object },
      { rollingUpdate: { maxSurge: object } },
      { rollingUpdate: { maxUnavailable: [object] } },
    ])
      assert.doesNotThrow(() =>
        decideInjection({ object: put(flask(), ['spec', 'strategy'], strategy), optedIn: true }),
      )
  })

  test('A11: as names of our annotations they are unknown ones', () => {
    for (const name of SPECIAL) {
      const annotations = JSON.parse(`{"migrate.io/command": "x", "migrate.io/${name}": "y"}`) as Record<string, string>
      assert.match(refusal(decideInjection({ object: flask(annotations), optedIn: true })).join(), /unknown annotation/)
    }
  })

  test('A11: a record that somebody wrote by hand breaks nothing', () => {
    const injected = stored(decideInjection({ object: flask(), optedIn: true }))
    for (const text of [
      '',
      'x',
      '[]',
      'null',
      '{}',
      '{"version":1}',
      '{"version":"0","container":"x","strategy":5}',
      '{"__proto__":{"version":"0"}}',
    ]) {
      const forged = put(injected, [...ANNOTATIONS, 'migrate.io/injected'], text)
      const update = stored(
        decideInjection({
          object: put(forged, [...POD, 'containers', 0, 'image'], 'app:2'),
          oldObject: forged,
          optedIn: true,
        }),
      )
      assert.equal(copies(update)[0]?.['image'], 'app:2', text)
      assert.equal(copies(stored(decideInjection({ object: flask({}), oldObject: forged, optedIn: true }))).length, 0)
    }
  })
})

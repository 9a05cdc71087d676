import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decideInjection } from '../../../src/injection/decide.ts'
import type { JsonObject } from '../../../src/json.ts'
import type { Deployment } from '../../../src/kube/objects.ts'
import { asJson, bareOf, ourAnnotations, readInjected } from '../../../src/uninject/injected.ts'
import { deploymentsOf, goldens } from '../../golden/golden.ts'

/** What the webhook makes of an update of `before` to `object`; undefined where it refuses. */
function admitted(object: JsonObject, oldObject?: JsonObject, optedIn = true): JsonObject | undefined {
  const decision = decideInjection({ object, ...(oldObject && { oldObject }), optedIn })
  return decision.kind === 'refused' ? undefined : decision.deployment
}

const stored = goldens()
  .flatMap(({ inputPath }) => deploymentsOf(inputPath))
  .flatMap((manifest) => {
    const injected = admitted(manifest) as unknown as Deployment | undefined
    return injected !== undefined && readInjected(injected) ? [{ manifest, injected }] : []
  })

test('there are injected Deployments to try it on', () => {
  assert.ok(stored.length >= 15, `${stored.length}`)
})

test('A6: what un-injecting sends is what the webhook makes of an update without the annotations', () => {
  for (const { injected } of stored) {
    const bare = asJson(bareOf(injected, {}))
    const annotations = { ...injected.metadata.annotations }
    for (const key of Object.keys(ourAnnotations(injected))) delete annotations[key]
    const without = asJson({ ...injected, metadata: { ...injected.metadata, annotations } })
    const expected = admitted(without, asJson(injected))
    assert.deepEqual(bare, expected)
    assert.equal(readInjected(bare as unknown as Deployment), undefined)
    for (const optedIn of [true, false]) assert.deepEqual(admitted(bare, asJson(injected), optedIn), bare)
  }
})

test('it is the same when an earlier step has taken the annotations off', () => {
  for (const { injected } of stored) {
    const { annotations: _, ...metadata } = injected.metadata
    const taken = ourAnnotations(injected)
    const others = Object.entries(injected.metadata.annotations ?? {}).filter(([key]) => !(key in taken))
    const detached = { ...injected, metadata: { ...metadata, annotations: Object.fromEntries(others) } }
    const expected = bareOf(injected, {})
    const bare = bareOf(detached, taken)
    assert.deepEqual(bare, expected)
    // And nothing is left in either by which our webhook would be asked about that update.
    const text = JSON.stringify([Object.keys(bare.metadata.annotations ?? {}), bare.spec])
    assert.ok(!/migrate\.io\/|"migrate-io"/.test(text), text)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Json, JsonObject } from '../../../src/json.ts'
import { answerOf, JSON_TYPE, testApp } from '../../support/webhook/app.ts'
import { deployment, review } from '../../support/webhook/reviews.ts'

const RUNS = { numRuns: 400 }
const { app } = testApp()

async function isAnswered(payload: string | Buffer): Promise<void> {
  for (const url of ['/mutate', '/strip']) {
    const { status, text } = answerOf(await app.inject({ method: 'POST', url, headers: JSON_TYPE, payload }))
    assert.ok(status === 200 || (status >= 400 && status < 500), `${status} ${text}`)
    assert.notEqual(text, '')
  }
}

test('A11: arbitrary bytes and arbitrary JSON get an answer or a 4xx with a reason', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.json(), fc.string(), fc.uint8Array({ minLength: 1 })), (body) =>
      isAnswered(typeof body === 'string' ? body || ' ' : Buffer.from(body)),
    ),
    RUNS,
  )
})

test('A11: a review with any JSON as its object gets an answer or a 4xx with a reason', async () => {
  const object = fc.jsonValue() as fc.Arbitrary<Json>
  const operation = fc.constantFrom('CREATE', 'UPDATE', 'DELETE', 'CONNECT')
  await fc.assert(
    fc.asyncProperty(object, object, operation, (now, before, op) =>
      isAnswered(JSON.stringify(review(now, { operation: op, oldObject: before }))),
    ),
    RUNS,
  )
})

test('A11: a review with any part replaced or taken out gets an answer or a 4xx with a reason', async () => {
  const whole = review(deployment(), { operation: 'UPDATE', oldObject: deployment() })
  const paths = pathsOf(whole)
  let answered = 0
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), fc.option(fc.jsonValue(), { nil: undefined }), (path, value) => {
      answered++
      return isAnswered(JSON.stringify(mutilated(whole, path, value as Json | undefined)))
    }),
    RUNS,
  )
  assert.ok(answered >= RUNS.numRuns)
})

function pathsOf(json: Json, path: readonly string[] = []): string[][] {
  if (typeof json !== 'object' || json === null) return [[...path]]
  return [[...path], ...Object.entries(json).flatMap(([key, value]) => pathsOf(value, [...path, key]))]
}

function mutilated(json: Json, [key, ...rest]: readonly string[], value: Json | undefined): Json {
  if (key === undefined) return value ?? null
  const copy = structuredClone(json) as JsonObject & Record<string, Json>
  if (rest.length === 0 && value === undefined) delete copy[key]
  else copy[key] = rest.length === 0 ? (value ?? null) : mutilated(copy[key] ?? null, rest, value)
  return copy
}

import jsonPatch from 'fast-json-patch'
import { decideInjection } from '../../src/injection/decide.ts'
import type { Json, JsonObject } from '../../src/json.ts'
import { FLASK, NEW_IMAGE, OLD_IMAGE } from './deployment.ts'
import { fieldsOf } from './managed-fields.ts'
import { median } from './spread.ts'

const SIZES_BYTES = [4_000, 15_000, 100_000, 1_400_000] as const
const MAX_ANNOTATIONS_BYTES = 200_000 // the API server allows 256 KiB of them
const BATCH_NS = 50_000 // a sample lasts at least this long, so that the clock's own cost does not show

/** Median microseconds per call. */
export interface PureFigures {
  readonly bytes: number
  readonly createMicros: number
  readonly updateMicros: number
  /** The diff of what was sent and what is to be stored. */
  readonly createDiffMicros: number
  readonly updateDiffMicros: number
  /** JSON.parse of the same Deployment, for scale. */
  readonly parseMicros: number
}

/** Times the decision alone, without HTTP, on Deployments of rising size. `eachMs` is how long each figure is measured. */
export function measurePure(eachMs: number): PureFigures[] {
  return SIZES_BYTES.map((bytes) => {
    const sent = deploymentOf(bytes)
    const stored = decided(sent)
    const text = JSON.stringify(stored)
    const changed = JSON.parse(
      text.replace(`"image":"${OLD_IMAGE}","ports"`, `"image":"${NEW_IMAGE}","ports"`),
    ) as JsonObject
    const time = (call: () => unknown) => microsPerCall(call, eachMs)
    const created = decided(sent)
    const updated = decided(changed, stored)
    return {
      bytes: Buffer.byteLength(JSON.stringify(sent)),
      createMicros: time(() => decided(sent)),
      updateMicros: time(() => decided(changed, stored)),
      createDiffMicros: time(() => jsonPatch.compare(sent, created)),
      updateDiffMicros: time(() => jsonPatch.compare(changed, updated)),
      parseMicros: time(() => JSON.parse(text)),
    }
  })
}

function decided(object: JsonObject, oldObject?: JsonObject): JsonObject {
  const decision = decideInjection(
    oldObject === undefined ? { object, optedIn: true } : { object, oldObject, optedIn: true },
  )
  if (decision.kind === 'refused')
    throw new Error(`the benchmark's Deployment was refused: ${decision.problems.join('; ')}`)
  return decision.deployment
}

/** The Flask Deployment, padded with what makes real ones large: annotations, env and managedFields. */
export function deploymentOf(bytes: number): JsonObject {
  const annotations: Record<string, string> = {}
  const env: JsonObject[] = []
  let missing = bytes - JSON.stringify(padded(annotations, env)).length
  for (let index = 0, annotated = 0; missing > 0; index++) {
    const name = `SETTING_${index}`
    const setting = { name, value: 'x'.repeat(Math.min(60, missing)) }
    env.push(setting)
    missing -= JSON.stringify(setting).length + JSON.stringify(fieldsOf({ env: [setting] })).length
    if (missing > 0 && annotated < MAX_ANNOTATIONS_BYTES) {
      const value = 'y'.repeat(Math.min(100, missing))
      annotations[`example.com/note-${index}`] = value
      annotated += value.length
      missing -= value.length + 60
    }
  }
  return padded(annotations, env)
}

function padded(annotations: Readonly<Record<string, string>>, env: readonly JsonObject[]): JsonObject {
  const deployment = structuredClone(FLASK) as { [key: string]: Json } & Template
  Object.assign(deployment.metadata['annotations'] as JsonObject, annotations)
  const { metadata, spec } = deployment
  spec.template.spec.containers[0].env.push(...env)
  const applied = fieldsOf({
    metadata: { annotations, labels: metadata['labels'] ?? {} },
    spec: spec as unknown as JsonObject,
  })
  metadata['managedFields'] = [
    { manager: 'kubectl', operation: 'Apply', apiVersion: 'apps/v1', fieldsType: 'FieldsV1', fieldsV1: applied },
  ]
  return deployment
}

interface Template {
  readonly metadata: { [key: string]: Json }
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly [{ readonly env: JsonObject[] }] } }
  }
}

/** The median of batches of calls, after as long a warm-up. */
function microsPerCall(call: () => unknown, eachMs: number): number {
  let calls = 1
  let warm = 0
  for (const until = performance.now() + eachMs; warm < 3 || performance.now() < until; warm++) {
    if (nanos(call, calls) < BATCH_NS) calls *= 2
  }
  const samples: number[] = []
  for (const until = performance.now() + eachMs; samples.length < 5 || performance.now() < until; ) {
    samples.push(nanos(call, calls) / calls / 1000)
  }
  return median(samples)
}

function nanos(call: () => unknown, times: number): number {
  const started = process.hrtime.bigint()
  for (let index = 0; index < times; index++) call()
  return Number(process.hrtime.bigint() - started)
}

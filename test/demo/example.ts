import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { JsonObject } from '../../src/json.ts'
import { root } from '../support/tooling/root.ts'

export const MANIFEST = 'examples/flask/deployment.yaml'

/** The parts of a Deployment that people write, in the order of the manifest, without what the API server notes for itself. */
export function asWritten(deployment: JsonObject): JsonObject {
  const { metadata, spec } = deployment as { metadata: { annotations: JsonObject }; spec: JsonObject } & JsonObject
  const own = Object.entries(metadata.annotations).filter(([key]) => key.startsWith('migrate.io/'))
  const order = parse(readFileSync(`${root}/${MANIFEST}`, 'utf8')) as { spec: JsonObject }
  const keys = [...Object.keys(order.spec), ...Object.keys(spec)]
  return {
    metadata: { annotations: Object.fromEntries(own) },
    spec: Object.fromEntries([...new Set(keys)].map((key) => [key, spec[key] ?? null])),
  }
}

import assert from 'node:assert/strict'
import { decideInjection } from '../../../src/injection/decide.ts'
import type { JsonObject } from '../../../src/json.ts'
import { annotate, flask, type Manifest } from '../installation/deployment.ts'

interface Options {
  readonly replicas?: number
  /** By their name after `migrate.io/`. */
  readonly settings?: Record<string, string>
  /** Without anything of ours. */
  readonly isBare?: boolean
}

/** The article's Deployment as the webhook would store it, for a cluster without one. */
export function injected(name: string, { replicas = 2, settings = {}, isBare = false }: Options = {}): Manifest {
  const manifest = flask(name, (each) => {
    each.spec.replicas = replicas
    annotate(each, settings)
    if (isBare) delete each.metadata.annotations
  })
  const decision = decideInjection({ object: manifest as unknown as JsonObject, optedIn: !isBare })
  assert.ok(decision.kind !== 'refused', JSON.stringify(decision))
  return decision.deployment as unknown as Manifest
}

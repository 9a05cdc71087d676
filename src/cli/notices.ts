import { readSettings } from '../injection/annotations.ts'
import { readDeployment, type StringMap } from '../injection/deployment.ts'
import { waitsForMigrations } from '../injection/warnings.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import { PREFIX } from '../names.ts'
import { misplaced } from '../status/deployment-facts.ts'
import type { Decided, Transformed } from './transform.ts'

/** What a file shows and admission never sees: objects that are not asked about, and several Deployments side by side. */
export function noticesOf({ decided, others }: Transformed): readonly string[] {
  return [
    ...decided.flatMap(({ place, value }) => misplacedIn(value).map((text) => `${place}: ${text}`)),
    ...others.flatMap(({ place, value }) => {
      const why = unserved(value)
      return why === undefined ? [] : [`${place}: it is annotated, but has no migration: ${why}`]
    }),
    ...sharedCommands(decided),
  ]
}

/** What looks like one of the annotations, on the Deployment itself; of its template `decideInjection` says so. */
export function misplacedIn(deployment: JsonObject): readonly string[] {
  const metadata = objectAt(deployment, 'metadata')
  return misplaced({
    annotations: objectAt(metadata, 'annotations'),
    labels: objectAt(metadata, 'labels'),
    templateAnnotations: {},
  })
}

/** Where a workload has its own annotations, and those of its pods. */
const PLACES: readonly (readonly string[])[] = [
  ['metadata'],
  ['spec', 'template', 'metadata'],
  ['spec', 'jobTemplate', 'metadata'],
  ['spec', 'jobTemplate', 'spec', 'template', 'metadata'],
]

/** Why nothing is done with an object that is annotated for a migration; undefined where it is not, or is made from another. */
export function unserved(value: JsonObject): string | undefined {
  const isAnnotated = PLACES.some((path) => {
    const annotations = objectAt(path.reduce(objectAt, value), 'annotations')
    return Object.hasOwn(annotations, `${PREFIX}command`)
  })
  const { apiVersion, kind } = value
  if (!isAnnotated || isMade(value) || typeof kind !== 'string') return undefined
  return kind === 'Deployment'
    ? `Kubernetes doesn't serve apiVersion ${apiVersion} (any longer); migrate.io handles apps/v1 Deployments`
    : `migrate.io handles apps/v1 Deployments only, and this is a ${kind}`
}

/** A Deployment's ReplicaSets have its annotations too. */
function isMade(value: JsonObject): boolean {
  const owners = objectAt(value, 'metadata')['ownerReferences']
  return Array.isArray(owners) && owners.some((owner: Json) => isObject(owner) && owner['controller'] === true)
}

/** Deployments of one namespace with one command, of which some have a lock of their own. Most migrate one database. */
export function sharedCommands(decided: readonly Decided[]): readonly string[] {
  const migrating = decided.flatMap(({ value, decision }) => {
    const deployment = readDeployment(value)
    if ((decision.kind !== 'injected' && decision.kind !== 'kept') || !('metadata' in deployment)) return []
    const { name, namespace, annotations } = deployment.metadata
    const { command, lock } = readSettings(annotations as StringMap).settings
    // Several may wait at once for the one that migrates.
    if (command === undefined || waitsForMigrations(command)) return []
    return [{ name: name ?? 'one without a name', key: JSON.stringify([namespace, command]), lock }]
  })
  return [...Map.groupBy(migrating, ({ key }) => key).values()].flatMap((group) => {
    const alone = group.filter(({ lock }) => lock === undefined).map(({ name }) => name)
    if (group.length < 2 || alone.length === 0) return []
    const names = group.map(({ name }) => name)
    const which = alone.length === group.length ? 'no' : `for ${alone.join(', ')} no`
    return [
      `Deployments ${names.join(', ')} have the same command and ${which} ${PREFIX}lock: if they migrate the same database, give them all the same ${PREFIX}lock, or two may migrate at once`,
    ]
  })
}

function objectAt(value: JsonObject, key: string): JsonObject {
  const inner = value[key]
  return isObject(inner) ? inner : {}
}

import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { InjectionDecision } from '../../../src/injection/decide.ts'
import { decideInjection, type Wrappers } from '../../../src/injection/decide.ts'
import { isObject, type Json, type JsonObject } from '../../../src/json.ts'
import { ANNOTATIONS, at, deepFreeze, list, POD, put, stored } from './objects.ts'

/** What another webhook makes of an object; the very same where it has nothing to add. */
export type OtherWebhook = (object: JsonObject) => JsonObject

/** A ReplicaSet, as far as `kubectl rollout undo` reads it. */
export interface Revision {
  readonly template: JsonObject
  readonly annotations: JsonObject
}

/**
 * As much of an API server and of the Deployment controller as an admission can tell: it fills in defaults, drops what
 * is empty, asks the webhooks (again, where a later one changed something), stores, and counts changes.
 */
export class ApiServer {
  stored: JsonObject = {}
  /** Moves with the annotations too, as the strategy of Deployments in the API server has it. */
  generation = 0
  specChanges = 0
  isOptedIn = true
  wrappers: Wrappers
  /** Oldest first. */
  readonly revisions: Revision[] = []
  /** What migrate.io decided in the last request, one for each time that it was asked. */
  decisions: readonly InjectionDecision[] = []
  readonly #others: { readonly first?: OtherWebhook; readonly last?: OtherWebhook }

  constructor(wrappers: Wrappers, others: { readonly first?: OtherWebhook; readonly last?: OtherWebhook } = {}) {
    this.wrappers = wrappers
    this.#others = others
  }

  /** Creates or replaces the object. Fails where it is refused. */
  send(sent: JsonObject): void {
    const isNew = this.generation === 0
    const admitted = this.#admit(withDefaults(sent), isNew ? undefined : this.stored)
    const isChanged = (...path: string[]) => !isDeepStrictEqual(at(admitted, ...path), at(this.stored, ...path))
    if (isChanged('spec')) this.specChanges++
    if (isChanged('spec') || isChanged(...ANNOTATIONS)) this.generation++
    this.stored = deepFreeze(put(admitted, ['metadata', 'generation'], this.generation))
    checkValid(this.stored)
    this.#reconcile()
  }

  /** `kubectl rollout undo --to-revision`: the template, and the annotations that the ReplicaSet has by now. */
  undo({ template, annotations }: Revision): void {
    if (isDeepStrictEqual(template, at(this.stored, 'spec', 'template'))) return
    this.send(put(put(this.stored, ['spec', 'template'], template), ANNOTATIONS, annotations))
  }

  #admit(sent: JsonObject, oldObject: JsonObject | undefined): JsonObject {
    const decisions: InjectionDecision[] = []
    const ours: OtherWebhook = (object) => {
      const change = { object: deepFreeze(object), optedIn: this.isOptedIn }
      const decision = decideInjection(oldObject === undefined ? change : { ...change, oldObject }, this.wrappers)
      decisions.push(decision)
      return stored(decision)
    }
    const { first, last } = this.#others
    const webhooks = [first, ours, last].filter((webhook) => webhook !== undefined)
    const invoked = new Set<OtherWebhook>()
    const askedAgain = new Set<OtherWebhook>()
    let object = sent
    for (const round of [1, 2])
      for (const webhook of webhooks) {
        if (round === 2 && !askedAgain.has(webhook)) continue
        const next = withDefaults(webhook(object))
        if (!isDeepStrictEqual(next, object)) {
          for (const earlier of invoked) askedAgain.add(earlier)
          invoked.clear()
        }
        object = next
        invoked.add(webhook)
      }
    this.decisions = decisions
    return object
  }

  /** The Deployment controller copies annotations to the ReplicaSet of the template, and never takes one off. */
  #reconcile(): void {
    const template = at(this.stored, 'spec', 'template') as JsonObject
    const annotations = (at(this.stored, ...ANNOTATIONS) ?? {}) as JsonObject
    const i = this.revisions.findIndex((revision) => isDeepStrictEqual(revision.template, template))
    const known = i < 0 ? undefined : this.revisions.splice(i, 1)[0]
    this.revisions.push({ template, annotations: { ...known?.annotations, ...annotations } })
  }
}

const EMPTY_DROPPED = new Set(['labels', 'annotations', 'limits', 'requests', 'nodeSelector'])

/** Without what `omitempty` leaves out. */
function compact(value: Json, key = ''): Json | undefined {
  if (value === null) return undefined
  if (Array.isArray(value))
    return value.length === 0
      ? undefined
      : value.map((item: Json) => compact(item)).filter((item) => item !== undefined)
  if (!isObject(value)) return value
  const entries = Object.entries(value).flatMap(([k, v]): [string, Json][] => {
    const inner = compact(v, k)
    return inner === undefined ? [] : [[k, inner]]
  })
  return entries.length === 0 && EMPTY_DROPPED.has(key) ? undefined : Object.fromEntries(entries)
}

/** Rule: k8s.io/kubernetes/pkg/apis/apps/v1/defaults.go and core/v1/defaults.go. */
export function withDefaults(deployment: JsonObject): JsonObject {
  const object = compact(deployment) as JsonObject
  const spec = at(object, 'spec') as JsonObject
  const template = at(spec, 'template') as JsonObject
  const pod = at(template, 'spec') as JsonObject
  const each = (name: string, change: (item: JsonObject) => JsonObject) =>
    pod[name] === undefined ? {} : { [name]: list(pod, name).map(change) }
  return {
    ...object,
    spec: {
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      ...spec,
      strategy: strategyWithDefaults(spec['strategy']),
      template: {
        ...template,
        spec: {
          restartPolicy: 'Always',
          terminationGracePeriodSeconds: 30,
          dnsPolicy: 'ClusterFirst',
          schedulerName: 'default-scheduler',
          securityContext: {},
          ...pod,
          ...each('containers', containerWithDefaults),
          ...each('initContainers', containerWithDefaults),
          ...each('volumes', volumeWithDefaults),
        },
      },
    },
  }
}

function strategyWithDefaults(strategy: Json | undefined): JsonObject {
  const { type = 'RollingUpdate', rollingUpdate, ...others } = (strategy ?? {}) as JsonObject
  if (type !== 'RollingUpdate') return { type, ...(rollingUpdate === undefined ? {} : { rollingUpdate }), ...others }
  const numbers = { maxSurge: '25%', maxUnavailable: '25%', ...((rollingUpdate ?? {}) as JsonObject) }
  return { type, rollingUpdate: numbers, ...others }
}

function containerWithDefaults(container: JsonObject): JsonObject {
  const isLatest = /(:latest|\/[^:@]+|^[^:@/]+)$/.test(String(container['image']))
  const env = list(container, 'env').map((variable) =>
    at(variable, 'valueFrom', 'fieldRef') === undefined || at(variable, 'valueFrom', 'fieldRef', 'apiVersion') === 'v1'
      ? variable
      : put(variable, ['valueFrom', 'fieldRef', 'apiVersion'], 'v1'),
  )
  return {
    imagePullPolicy: isLatest ? 'Always' : 'IfNotPresent',
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    ...container,
    ...(env.length === 0 ? {} : { env }),
  }
}

function volumeWithDefaults(volume: JsonObject): JsonObject {
  const sources = Object.keys(volume).filter((key) => key !== 'name')
  if (sources.length === 0) return { ...volume, emptyDir: {} }
  return sources
    .filter((source) => ['configMap', 'secret', 'projected', 'downwardAPI'].includes(source))
    .reduce<JsonObject>(
      (changed, source) =>
        at(volume, source, 'defaultMode') === undefined ? put(changed, [source, 'defaultMode'], 420) : changed,
      volume,
    )
}

/** The API server's own validation, as far as an injection could fall foul of it. */
function checkValid(object: JsonObject): void {
  const strategy = at(object, 'spec', 'strategy')
  if (at(strategy, 'type') === 'Recreate') assert.equal(at(strategy, 'rollingUpdate'), undefined)
  else assert.notDeepEqual(Object.values(at(strategy, 'rollingUpdate') as JsonObject), [0, 0])
  for (const names of [
    [...list(object, ...POD, 'containers'), ...list(object, ...POD, 'initContainers')].map(({ name }) => name),
    list(object, ...POD, 'volumes').map(({ name }) => name),
  ])
    assert.equal(new Set(names).size, names.length, `doubled: ${names.join(', ')}`)
  const volumes = new Set(list(object, ...POD, 'volumes').map(({ name }) => name))
  for (const container of [...list(object, ...POD, 'containers'), ...list(object, ...POD, 'initContainers')]) {
    const mounts = list(container, 'volumeMounts')
    for (const { name } of mounts) assert(volumes.has(name ?? ''), `no volume ${name}`)
    assert.equal(new Set(mounts.map(({ mountPath }) => mountPath)).size, mounts.length, 'a mount path twice')
  }
}

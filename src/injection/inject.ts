import { equal, isObject, type Json, type JsonObject, link, set } from '../json.ts'
import {
  APPARMOR_PREFIX,
  FILES_VOLUME,
  GRANT_ANNOTATION,
  INIT_CONTAINER,
  lockConfigMapName,
  PROTOCOL,
  PROTOCOL_LABEL,
  SAFE_TO_EVICT_VOLUMES_ANNOTATION,
  STATE_VOLUME,
} from '../names.ts'
import { escapeExpansion } from './command.ts'
import { COPIED, IDENTITY, itemKey, saysNothing } from './copied.ts'
import type { Container, PodTemplate, Volume } from './deployment.ts'
import { findInitContainer, setInMap } from './parts.ts'
import type { Plan } from './plan.ts'
import type { Wrapper } from './wrapper.ts'

/**
 * What is no addition to the init container: it would start the app early, or hold it back for ever; or, the first two, it is
 * the app's wherever the app has one.
 */
const NEVER_ADDED = new Set([
  ...['image', 'imagePullPolicy'],
  ...['command', 'args', 'restartPolicy', 'restartPolicyRules', 'resizePolicy', 'ports', 'lifecycle'],
  ...['livenessProbe', 'readinessProbe', 'startupProbe', 'stdin', 'stdinOnce', 'tty'],
])

interface InjectOptions {
  readonly wrapper: Wrapper
  /** undefined where it is not known yet (generateName). */
  readonly deploymentName: string | undefined
  /** What was copied into the init container that is in the template, if there is one; undefined where that is unknown. */
  readonly copies: readonly JsonObject[] | undefined
  /** The AppArmor profile by annotation stays as it came: versions before this one wrote none. */
  readonly keepsProfile?: boolean
}

/**
 * Puts the migration into a pod template.
 * @param template as it came, with ours in it or not; never with anybody else's under our names
 * @returns a template that shares all that is not ours with the one given
 */
export function inject(template: PodTemplate, plan: Plan, options: InjectOptions): PodTemplate {
  const present = findInitContainer(template)
  const fresh = makeContainer(plan, options.wrapper)
  const { copies } = options
  const container = present === undefined || copies === undefined ? fresh : keepAdditions(fresh, present, copies)
  const theirs = (template.spec.initContainers ?? []).filter(({ name }) => name !== INIT_CONTAINER)
  let spec = set(template.spec, 'initContainers', [...theirs, container])
  spec = set(spec, 'volumes', withVolumes(template.spec.volumes ?? [], makeVolumes(options.deploymentName)))
  const profileOf = options.keepsProfile === true ? INIT_CONTAINER : plan.target.name
  return link(injectMetadata(template, profileOf), 'spec', spec)
}

/** The init container for a plan. */
function makeContainer(plan: Plan, wrapper: Wrapper): Container {
  const { command, volumeMounts, ...message } = wrapper
  const container: Record<string, Json> = { name: INIT_CONTAINER }
  for (const key of COPIED) if (plan.target[key] !== undefined) container[key] = plan.target[key]
  const limit = plan.timeout === undefined ? 'none' : String(plan.timeout)
  container['command'] = [...command, `timeout=${limit}`]
  container['args'] = plan.argv.map(escapeExpansion)
  container['volumeMounts'] = [...(plan.target.volumeMounts ?? []), ...volumeMounts]
  Object.assign(container, message)
  return container as Container
}

/**
 * The init container with what other webhooks added to the one that is there: whatever is neither in the fresh one nor
 * was ever copied from the app's container.
 * @param present the init container in the object as it came
 * @param copies what earlier injections copied into `present`, each by key or as the container that it came from
 */
function keepAdditions(fresh: Container, present: Container, copies: readonly JsonObject[]): Container {
  return mergeObject(fresh, present, copies) as Container
}

function mergeObject(fresh: JsonObject, present: JsonObject, copies: readonly Json[]): JsonObject {
  const merged: Record<string, Json> = { ...fresh }
  for (const key of Object.keys(present)) {
    const theirs = present[key] ?? null
    if (NEVER_ADDED.has(key) || equal(fresh[key], theirs) || saysNothing(theirs)) continue
    const copied = copies.flatMap((each) => (isObject(each) && Object.hasOwn(each, key) ? [each[key] ?? null] : []))
    const wasCopied = copied.length > 0
    // What the user took away altogether may have had something of another webhook in it.
    const ours = fresh[key] ?? (wasCopied ? emptyLike(theirs) : undefined)
    if (ours === undefined) {
      if (!wasCopied) merged[key] = theirs
    } else if (Array.isArray(ours) && Array.isArray(theirs)) {
      const items = copied.flatMap((list) => (Array.isArray(list) ? (list as readonly Json[]) : []))
      merged[key] = mergeList(ours, theirs, items, IDENTITY[key])
    } else if (isObject(ours) && isObject(theirs)) {
      merged[key] = mergeObject(ours, theirs, copied)
    }
    if (fresh[key] === undefined && wasCopied && isEmpty(merged[key])) delete merged[key]
  }
  return merged
}

function mergeList(
  fresh: readonly Json[],
  present: readonly Json[],
  copies: readonly Json[],
  identity: string | undefined,
): readonly Json[] {
  const id = (item: Json) => itemKey(item, identity)
  const [ours, copied] = [new Map(fresh.map((item) => [id(item), item])), new Set(copies.map(id))]
  const isAdded = (item: Json) => !ours.has(id(item)) && !copied.has(id(item)) && !saysNothing(item)
  const added = present.filter(isAdded)
  if (added.length === 0) return fresh
  // Where they stand now if that leaves our own order as it is, else at the end.
  const inPlace = present.flatMap((item) => (isAdded(item) ? [item] : (ours.get(id(item)) ?? [])))
  const isOurOrder = equal(
    inPlace.filter((item) => !isAdded(item)),
    fresh,
  )
  return isOurOrder ? inPlace : [...fresh, ...added]
}

function emptyLike(value: Json): Json | undefined {
  if (Array.isArray(value)) return []
  return isObject(value) ? {} : undefined
}

function isEmpty(value: Json | undefined): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

function withVolumes(present: readonly Volume[], ours: readonly Volume[]): readonly Volume[] {
  const replaced = present.map((volume) => ours.find(({ name }) => name === volume.name) ?? volume)
  return [...replaced, ...ours.filter(({ name }) => !present.some((volume) => volume.name === name))]
}

/**
 * The two volumes of the injected container. Defaults of the API server are written out, so that a stored Deployment
 * and a fresh injection compare as equal.
 * @param deploymentName undefined where the API server makes the name up only after admission (generateName): then the
 *   record cannot be mounted, and pods learn of it from the controller.
 */
function makeVolumes(deploymentName: string | undefined): readonly [Volume, Volume] {
  // First, since a later source wins: a key `grant` in the ConfigMap must not hide the real one.
  const record: readonly JsonObject[] =
    deploymentName === undefined ? [] : [{ configMap: { name: lockConfigMapName(deploymentName), optional: true } }]
  const items = [
    field('grant', `metadata.annotations['${GRANT_ANNOTATION}']`),
    field('revision', "metadata.labels['pod-template-hash']"),
  ]
  return [
    { name: FILES_VOLUME, projected: { sources: [...record, { downwardAPI: { items } }], defaultMode: 0o644 } },
    // On disk and not in memory: what a pod has claimed must survive a reboot of its node.
    { name: STATE_VOLUME, emptyDir: { sizeLimit: '1Mi' } },
  ]
}

function field(path: string, fieldPath: string): JsonObject {
  return { path, fieldRef: { apiVersion: 'v1', fieldPath } }
}

/** @param profileOf the container whose AppArmor profile the init container gets */
function injectMetadata(template: PodTemplate, profileOf: string): PodTemplate {
  const annotations = template.metadata?.annotations ?? {}
  const list = annotations[SAFE_TO_EVICT_VOLUMES_ANNOTATION]
  const names = list === undefined || list === '' ? [] : list.split(',')
  const value = names.includes(STATE_VOLUME) ? list : [...names, STATE_VOLUME].join(',')
  const annotated = setInMap(template, 'annotations', SAFE_TO_EVICT_VOLUMES_ANNOTATION, value)
  // What the profile allows the app, its migration may do, and no more: as securityContext, which is copied.
  const profile = annotations[APPARMOR_PREFIX + profileOf]
  const confined = setInMap(annotated, 'annotations', APPARMOR_PREFIX + INIT_CONTAINER, profile)
  return setInMap(confined, 'labels', PROTOCOL_LABEL, PROTOCOL)
}

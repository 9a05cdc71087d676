import { isDeepStrictEqual } from 'node:util'
import type { Kept } from '../kube/api.ts'
import type {
  ConfigMap,
  ContainerState,
  ContainerStatus,
  Deployment,
  Metadata,
  OwnerReference,
  Pod,
  ReplicaSet,
  Terminated,
} from '../kube/objects.ts'
import {
  AUTOSCALER_MARKS,
  FIELD_MANAGER,
  FILES_VOLUME,
  GRANT_ANNOTATION,
  INIT_CONTAINER,
  MARKS_ANNOTATION,
  NUDGE_ANNOTATION,
  PREFIX,
  PROTOCOL_LABEL,
  RECORD_LABEL,
  REVISION_ANNOTATION,
  REVISION_LABEL,
} from '../names.ts'

/**
 * What is kept in memory of each object, as tables: who may create a pod or a ConfigMap in any namespace at all decides how
 * many megabytes it has, so only what decisions rest on is kept, and of each text no more than it can rightly have.
 *
 * A table names every field of its type in kube/objects.ts, so that a field that is read from now on can't be forgotten
 * here: it does not compile.
 */
type Fields<T> = { readonly [F in keyof T]-?: ((value: NonNullable<T[F]>) => T[F] | undefined) | typeof LEFT_OUT }

const LEFT_OUT = undefined

/** Longest name of an object; a UID is shorter. Owner references and volumes may hold any text in the place of one. */
const NAME_MAX = 253
/** The wrapper's own words come first and take half of it; what a command adds may be a secret and some 4 KiB. */
const MESSAGE_MAX = 64
/** Of a text that Kubernetes or migrate.io wrote into an annotation, or a runtime into a status. */
const TEXT_MAX = 1_024

/** The labels of each kind that are kept. */
const POD_LABELS = [PROTOCOL_LABEL, REVISION_LABEL]
const REPLICA_SET_LABELS = [REVISION_LABEL]
const RECORD_LABELS = [RECORD_LABEL]
/** The annotations of each kind that are kept. Of a Deployment, all of the user's settings too. */
const POD_ANNOTATIONS = [GRANT_ANNOTATION, NUDGE_ANNOTATION, MARKS_ANNOTATION, ...Object.keys(AUTOSCALER_MARKS)]
const ROLLOUT_ANNOTATIONS = [REVISION_ANNOTATION]

const whole = <T>(value: T): T => value
const text =
  (max: number) =>
  (value: string): string =>
    cut(value, max)

const IDENTITY = { name: whole, namespace: whole, uid: whole, resourceVersion: whole } as const
const TIMES = { creationTimestamp: whole, deletionTimestamp: whole } as const
const NO_METADATA = {
  ...{ generation: LEFT_OUT, creationTimestamp: LEFT_OUT, deletionTimestamp: LEFT_OUT },
  ...{ deletionGracePeriodSeconds: LEFT_OUT, finalizers: LEFT_OUT, managedFields: LEFT_OUT },
  ...{ labels: LEFT_OUT, annotations: LEFT_OUT, ownerReferences: LEFT_OUT },
} as const

const projectEnd = keep<Terminated>({
  ...{ exitCode: whole, message: text(MESSAGE_MAX), startedAt: whole, finishedAt: whole },
  reason: text(NAME_MAX),
  ...{ signal: LEFT_OUT, containerID: LEFT_OUT },
})

const projectState = keep<ContainerState>({ running: whole, terminated: projectEnd, waiting: LEFT_OUT })

const projectStatus = keep<ContainerStatus>({
  ...{ name: whole, image: text(TEXT_MAX), restartCount: whole, state: projectState, lastState: projectState },
  imageID: text(TEXT_MAX),
  ...{ containerID: LEFT_OUT, ready: LEFT_OUT, started: LEFT_OUT },
})

/** A pod with the protocol label: what decides whose turn it is, and how its wrapper gets on. Some 2 KiB, in place of up to 9 MiB. */
export const projectPod = keep<Pod>({
  metadata: keep<Metadata>({
    ...NO_METADATA,
    ...IDENTITY,
    ...TIMES,
    labels: picked(POD_LABELS),
    annotations: picked(POD_ANNOTATIONS),
    ownerReferences: controllerOnly,
    managedFields: lastWriteOnly,
  }),
  spec: keep<Pod['spec']>({
    volumes: recordVolume,
    nodeName: text(NAME_MAX),
    ...{ terminationGracePeriodSeconds: LEFT_OUT, initContainers: LEFT_OUT },
  }),
  status: keep<NonNullable<Pod['status']>>({
    phase: (value) => cut(value, NAME_MAX) as typeof value,
    initContainerStatuses: (all) =>
      all
        .filter(({ name }) => name === INIT_CONTAINER)
        .slice(0, 1)
        .map(projectStatus),
    ...{ reason: LEFT_OUT, conditions: LEFT_OUT },
  }),
})

/** What decides which revision is rolled out, and by which settings. Its template is left out. */
const projectDeployment = keep<Deployment>({
  metadata: keep<Metadata>({
    ...NO_METADATA,
    ...IDENTITY,
    ...TIMES,
    generation: whole,
    annotations: (all) =>
      picked([...ROLLOUT_ANNOTATIONS, ...Object.keys(all).filter((key) => key.startsWith(PREFIX))])(all),
  }),
  spec: keep<Deployment['spec']>({ replicas: whole, paused: whole, selector: whole }),
  status: keep<NonNullable<Deployment['status']>>({
    ...{ observedGeneration: whole, replicas: whole, updatedReplicas: whole, availableReplicas: whole },
    conditions: LEFT_OUT,
  }),
})

export const projectReplicaSet = keep<ReplicaSet>({
  metadata: keep<Metadata>({
    ...NO_METADATA,
    ...IDENTITY,
    labels: picked(REPLICA_SET_LABELS),
    annotations: picked(ROLLOUT_ANNOTATIONS),
    ownerReferences: controllerOnly,
  }),
})

/** Which ConfigMap a record or a lock is, and whose. What it says is read at once, from the whole. */
export const projectRecord = keep<ConfigMap>({
  metadata: keep<Metadata>({
    ...NO_METADATA,
    ...IDENTITY,
    labels: picked(RECORD_LABELS),
    ownerReferences: (all) =>
      all
        .filter(({ kind }) => kind === 'Deployment')
        .flatMap(ownerWithin)
        .slice(0, 1),
  }),
  data: LEFT_OUT,
})

/** What the controller keeps of single objects that it reads or has written. ConfigMaps are written back, so whole. */
export const KEPT: Kept = { Pod: projectPod, Deployment: projectDeployment, ReplicaSet: projectReplicaSet }

/** Whether nothing that is kept of a pod has changed but its version: then there is no need to reconcile its lock. */
export function looksSame(one: Pod, other: Pod): boolean {
  const metadata = { ...one.metadata, resourceVersion: other.metadata.resourceVersion }
  return isDeepStrictEqual({ ...one, metadata }, other)
}

/** The beginning of a text. What V8's own `slice` returns keeps the whole in memory. */
export function cut(value: string, max: number): string {
  return value.length <= max ? value : Buffer.from(value.slice(0, max)).toString()
}

function keep<T extends object>(fields: Fields<T>): (object: T) => T {
  const rows = Object.entries(fields) as [keyof T, ((value: unknown) => unknown) | typeof LEFT_OUT][]
  return (object) => {
    const kept: Partial<T> = {}
    for (const [field, project] of rows) {
      const value = object[field] ?? undefined
      const part = value === undefined ? undefined : project?.(value)
      if (part !== undefined) kept[field] = part as T[keyof T]
    }
    return kept as T
  }
}

function picked(keys: readonly string[]) {
  return (map: Record<string, string>): Record<string, string> =>
    Object.fromEntries(keys.flatMap((key) => (map[key] === undefined ? [] : [[key, cut(map[key], TEXT_MAX)]])))
}

/** When the controller last wrote to the pod: see `nudgeAt`. */
function lastWriteOnly(all: NonNullable<Metadata['managedFields']>): Metadata['managedFields'] {
  const written = all.find(({ manager }) => manager === FIELD_MANAGER)
  return written?.time === undefined ? undefined : [{ manager: FIELD_MANAGER, time: cut(written.time, NAME_MAX) }]
}

function controllerOnly(all: OwnerReference[]): OwnerReference[] {
  return all
    .filter(({ controller }) => controller === true)
    .flatMap(ownerWithin)
    .slice(0, 1)
}

/** None where a text is longer than Kubernetes makes any: such an owner does not exist. */
function ownerWithin({ apiVersion, kind, name, uid, controller }: OwnerReference): OwnerReference[] {
  if ([apiVersion, kind, name, uid].some(({ length }) => length > NAME_MAX)) return []
  return [{ apiVersion, kind, name, uid, ...(controller === undefined ? {} : { controller }) }]
}

/** The volume that is injected, of which nothing matters but which ConfigMap is mounted first. */
function recordVolume(all: NonNullable<Pod['spec']['volumes']>): Pod['spec']['volumes'] {
  const volume = all.find(({ name }) => name === FILES_VOLUME)
  if (volume?.projected === undefined) return undefined
  const name = volume.projected.sources?.map(({ configMap }) => configMap?.name).find((each) => each !== undefined)
  const sources = name === undefined || name.length > NAME_MAX ? [] : [{ configMap: { name } }]
  return [{ name: FILES_VOLUME, projected: { sources } }]
}

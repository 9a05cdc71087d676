import { isDeepStrictEqual } from 'node:util'
import type { ContainerState, ContainerStatus, OwnerReference, Pod, Terminated } from '../kube/objects.ts'
import {
  AUTOSCALER_MARKS,
  FILES_VOLUME,
  GRANT_ANNOTATION,
  INIT_CONTAINER,
  MARKS_ANNOTATION,
  PROTOCOL_LABEL,
  REVISION_LABEL,
} from '../migration/names.ts'

const LABELS = [PROTOCOL_LABEL, REVISION_LABEL]
/** The wrapper's own words come first and take half of it; what a command adds may be a secret and some 4 KiB. */
const MESSAGE_MAX_CHARACTERS = 64
const ANNOTATIONS = [GRANT_ANNOTATION, MARKS_ANNOTATION, ...Object.keys(AUTOSCALER_MARKS)]

/** What is kept in memory of a pod: only what decisions rest on, since a pod in full takes some 10 to 20 KiB. */
export function projectPod({ metadata, spec, status }: Pod): Pod {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp } = metadata
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true)
  const volume = spec.volumes?.find((each) => each.name === FILES_VOLUME)
  const ours = status?.initContainerStatuses?.find((each) => each.name === INIT_CONTAINER)
  return {
    metadata: {
      ...{ name, namespace, uid, resourceVersion },
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      labels: picked(metadata.labels, LABELS),
      annotations: picked(metadata.annotations, ANNOTATIONS),
      ownerReferences: owner === undefined ? [] : [projectOwner(owner)],
    },
    spec: volume?.projected === undefined ? {} : { volumes: [{ name: FILES_VOLUME, projected: volume.projected }] },
    status: {
      ...(status?.phase === undefined ? {} : { phase: status.phase }),
      initContainerStatuses: ours === undefined ? [] : [projectStatus(ours)],
    },
  }
}

/** Whether nothing that is kept of a pod has changed but its version: then there is no need to look at its lock. */
export function looksSame(one: Pod, other: Pod): boolean {
  const metadata = { ...one.metadata, resourceVersion: other.metadata.resourceVersion }
  return isDeepStrictEqual({ ...one, metadata }, other)
}

function projectOwner({ apiVersion, kind, name, uid }: OwnerReference): OwnerReference {
  return { apiVersion, kind, name, uid, controller: true }
}

function projectStatus({ name, image, restartCount, state, lastState }: ContainerStatus): ContainerStatus {
  return {
    name,
    ...(image !== undefined && { image }),
    restartCount,
    ...(state && { state: projectState(state) }),
    ...(lastState && { lastState: projectState(lastState) }),
  }
}

function projectState({ running, terminated }: ContainerState): ContainerState {
  return { ...(running && { running }), ...(terminated && { terminated: projectEnd(terminated) }) }
}

function projectEnd({ exitCode, reason, message, startedAt, finishedAt }: Terminated): Terminated {
  return {
    exitCode,
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message: message.slice(0, MESSAGE_MAX_CHARACTERS) }),
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
  }
}

function picked(map: Record<string, string> | undefined, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(keys.flatMap((key) => (map?.[key] === undefined ? [] : [[key, map[key]]])))
}

import type { ContainerStatus, OwnerReference, Pod } from '../kube/objects.ts'
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

function projectOwner({ apiVersion, kind, name, uid }: OwnerReference): OwnerReference {
  return { apiVersion, kind, name, uid, controller: true }
}

function projectStatus({ name, image, restartCount, state, lastState }: ContainerStatus): ContainerStatus {
  return {
    name,
    ...(image !== undefined && { image }),
    restartCount,
    ...(state && { state }),
    ...(lastState && { lastState }),
  }
}

function picked(map: Record<string, string> | undefined, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(keys.flatMap((key) => (map?.[key] === undefined ? [] : [[key, map[key]]])))
}

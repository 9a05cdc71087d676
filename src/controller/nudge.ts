import type { Pod } from '../kube/objects.ts'
import { FIELD_MANAGER, GRANT_ANNOTATION, NUDGE_ANNOTATION } from '../migration/names.ts'
import { isWaiting, speaksProtocol } from './choose.ts'
import { endOf } from './container-end.ts'
import { grantOf } from './grant.ts'

/**
 * Kubelet writes a pod's files when it syncs the pod. A change that comes while it still writes for the one before is marked
 * as to be done, and the end of that write takes the mark off again; then the file stays old until the next sync, up to 90 s
 * later (pkg/kubelet/volumemanager/cache of 1.37: MarkRemountRequired, and AddPodToVolume, which resets it). A pod acts on
 * its file within a second, so one that has not ended by now may have missed it.
 */
const NUDGE_AFTER_MS = 5_000

/** The annotation that has kubelet sync the pod once more. It says for which grant, so it is written once for each. */
export function nudgeFor({ metadata: { annotations } }: Pod): Record<string, string> {
  return { [NUDGE_ANNOTATION]: annotations?.[GRANT_ANNOTATION] ?? '' }
}

/**
 * When a pod that was told to run or to skip is to be nudged; undefined where it isn't. Milliseconds since 1970, which may have
 * passed. Nothing tells that a run has begun, so each one that lasts longer costs this one write.
 */
export function nudgeAt(pod: Pod): number | undefined {
  const { annotations = {}, managedFields = [] } = pod.metadata
  if (!speaksProtocol(pod) || !isWaiting(pod) || annotations[NUDGE_ANNOTATION] === annotations[GRANT_ANNOTATION])
    return undefined
  const grant = grantOf(pod)
  const isOpen = grant.kind === 'skip' || (grant.kind === 'run' && endOf(pod, grant.number).kind === 'unknown')
  // By the API server's clock, whoever of several controllers told it, and when.
  const toldAt = Date.parse(managedFields.find(({ manager }) => manager === FIELD_MANAGER)?.time ?? '')
  return isOpen && !Number.isNaN(toldAt) ? toldAt + NUDGE_AFTER_MS : undefined
}

import type { Pod } from '../kube/objects.ts'
import { isWaiting, speaksProtocol } from '../lock/choose.ts'
import { grantOf } from '../lock/grant.ts'
import { endOf } from '../lock/pod-state.ts'
import { FIELD_MANAGER, GRANT_ANNOTATION, NUDGE_ANNOTATION } from '../names.ts'

/**
 * Kubelet now and then takes a change of a pod's annotations for written that is not (docs/adr/0009), and the file stays old until
 * it syncs the pod the next time: by itself up to 90 s later, or at any other change of its annotations. A pod acts on its
 * file within a second, so one that has not ended by now may have missed it.
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

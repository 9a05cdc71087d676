import type { Pod } from '../kube/objects.ts'

const GRACE_DEFAULT_SECONDS = 30 // https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination

/** How long a pod may take to end once it is deleted. */
export function graceSecondsOf(pod: Pod | undefined): number {
  return pod?.spec.terminationGracePeriodSeconds ?? GRACE_DEFAULT_SECONDS
}

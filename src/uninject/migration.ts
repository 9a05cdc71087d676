import type { Pod } from '../kube/objects.ts'
import { grantOf } from '../lock/grant.ts'
import { recordNameOf } from '../lock/key.ts'
import { endOf, isDone, isRunning, runningSince } from '../lock/pod-state.ts'
import { lockConfigMapName } from '../names.ts'
import type { InjectedDeployment } from './injected.ts'

/** A migration that is not done, which un-injecting would end. */
export type Migration =
  | { readonly kind: 'runs'; readonly pod: string; readonly since: string | undefined }
  /** For its turn, for the next try after a failure, or for the pod to get that far. */
  | { readonly kind: 'waits'; readonly pods: number }

/**
 * What goes on in a Deployment's pods just now; undefined where nothing does.
 * @param pods those with our label, of whichever Deployment
 */
export function migrationOf({ key }: InjectedDeployment, pods: readonly Pod[]): Migration | undefined {
  const pending = pods.filter((pod) => isOf(pod, key.namespace, lockConfigMapName(key.deployment)) && !isDone(pod))
  const runner = pending.find(isMigrating)
  if (runner !== undefined) return { kind: 'runs', pod: runner.metadata.name, since: runningSince(runner) }
  const waiting = pending.filter((pod) => pod.metadata.deletionTimestamp === undefined && grantOf(pod).kind !== 'skip')
  return waiting.length === 0 ? undefined : { kind: 'waits', pods: waiting.length }
}

function isMigrating(pod: Pod): boolean {
  const grant = grantOf(pod)
  return isRunning(pod) && grant.kind === 'run' && endOf(pod, grant.number).kind === 'unknown'
}

/** Whether a record of this name decides about the pod, and the pod may still start or run. */
export function isOf(pod: Pod, namespace: string, record: string): boolean {
  return pod.metadata.namespace === namespace && recordNameOf(pod) === record && mayRun(pod)
}

/** Also one that is long past its migration: its node may start anew, and with it the init container. */
export function mayRun({ status }: Pod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed'
}

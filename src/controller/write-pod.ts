import { KubeError } from '../kube/api.ts'
import type { Pod } from '../kube/objects.ts'
import type { Decision } from '../lock/decide.ts'
import { nudgeFor, RESYNC_MS } from '../lock/decide.ts'
import { formatGrant, type Grant, marksOff } from '../lock/grant.ts'
import { isDone } from '../lock/pod-state.ts'
import type { Snapshot } from '../lock/snapshot.ts'
import { GRANT_ANNOTATION } from '../names.ts'
import type { ActionResult, ReconcileContext } from './reconcile-context.ts'

/** Goes on with a pod as it was just read or written; undefined where it is gone. */
export function withPod(snapshot: Snapshot, name: string, pod: Pod | undefined): Extract<ActionResult, { kind: 'on' }> {
  const pods = new Map(snapshot.pods)
  pods.set(name, { pod, isLive: true })
  return { kind: 'on', snapshot: { ...snapshot, pods } }
}

/** Decides on a pod, as a compare-and-swap. @throws KubeError, with code `conflict` where the pod has changed */
export async function tell(
  pod: Pod,
  grant: Exclude<Grant, { kind: 'none' | 'unreadable' }>,
  marks: Record<string, string | null>,
  { api }: ReconcileContext,
): Promise<Pod> {
  return await api.annotatePod(pod.metadata, { [GRANT_ANNOTATION]: formatGrant(grant), ...marks })
}

/** Lets a pod of a recorded revision go on. @throws KubeError other than `conflict` */
export async function skip(
  { pod, revision }: Extract<Decision, { kind: 'skip' }>,
  snapshot: Snapshot,
  context: ReconcileContext,
): Promise<ActionResult> {
  const { name, namespace } = pod.metadata
  try {
    const told = await tell(pod, { kind: 'skip' }, marksOff(pod), context)
    // One that has run it itself is only kept from waiting once more.
    if (!isDone(pod)) context.report({ kind: 'skipped', pod: name, revision }, snapshot.key)
    return withPod(snapshot, name, told)
  } catch (error) {
    if (!(error instanceof KubeError) || error.code !== 'conflict') throw error
    return await again(name, namespace, snapshot, context, error)
  }
}

/** The watch lags behind: only this pod is looked at again. */
async function again(
  name: string,
  namespace: string,
  snapshot: Snapshot,
  { api }: ReconcileContext,
  conflict: KubeError,
): Promise<ActionResult> {
  return { ...withPod(snapshot, name, await api.read('Pod', namespace, name)), kind: 'stale', conflict }
}

/** Has kubelet write a pod's files once more; where that is refused, as by a policy of an earlier version, it goes without. */
export async function nudge(
  { pod, wait }: Extract<Decision, { kind: 'nudge' }>,
  snapshot: Snapshot,
  context: ReconcileContext,
): Promise<ActionResult> {
  const { name, namespace } = pod.metadata
  const { api, report, now } = context
  try {
    return withPod(snapshot, name, await api.annotatePod(pod.metadata, nudgeFor(pod)))
  } catch (error) {
    if (!(error instanceof KubeError) || error.code === 'unavailable') throw error
    if (error.code === 'conflict') return await again(name, namespace, snapshot, context, error)
    const reason = error.code === 'forbidden' ? 'forbidden' : 'refused'
    report({ kind: 'problem', reason, object: name, detail: error.outline }, snapshot.key)
    const resyncAt = now() + RESYNC_MS
    return { ...wait, until: Math.min(resyncAt, wait.until ?? resyncAt) }
  }
}

/** Takes the autoscalers' marks off; one that this is refused for keeps them, and is not asked again. */
export async function unmark(pod: Pod, snapshot: Snapshot, { api, report }: ReconcileContext): Promise<ActionResult> {
  try {
    return withPod(snapshot, pod.metadata.name, await api.annotatePod(pod.metadata, marksOff(pod)))
  } catch (error) {
    if (!(error instanceof KubeError) || error.code === 'conflict' || error.code === 'unavailable') throw error
    const reason = error.code === 'forbidden' ? 'forbidden' : 'refused'
    report({ kind: 'problem', reason, object: pod.metadata.name, detail: error.outline }, snapshot.key)
    return {
      kind: 'on',
      snapshot: { ...snapshot, markedForGood: new Set([...snapshot.markedForGood, pod.metadata.uid]) },
    }
  }
}

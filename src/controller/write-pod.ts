import { type Api, KubeError } from '../kube/api.ts'
import type { Pod } from '../kube/objects.ts'
import { type Decision, nudgeFor, RESYNC_MS } from '../lock/decide.ts'
import { formatGrant, type Grant, marksOff } from '../lock/grant.ts'
import { isDone } from '../lock/pod-state.ts'
import type { Snapshot } from '../lock/snapshot.ts'
import { GRANT_ANNOTATION } from '../names.ts'
import { type ActionResult, problemOf, type ReconcileContext } from './reconcile-context.ts'

/** Decides on a pod, as a compare-and-swap. @throws KubeError, with code `conflict` where the pod has changed */
export async function writeGrant(
  api: Api,
  pod: Pod,
  grant: Exclude<Grant, { kind: 'none' | 'unreadable' }>,
  marks: Record<string, string | null>,
): Promise<Pod> {
  return await api.annotatePod(pod.metadata, { [GRANT_ANNOTATION]: formatGrant(grant), ...marks })
}

/** Tells a pod `wait <number>`: from then on no controller can grant it that number. @throws KubeError as `writeGrant` */
export async function writeWait(api: Api, pod: Pod, number: number): Promise<Pod> {
  return await writeGrant(api, pod, { kind: 'wait', number }, marksOff(pod))
}

/** Lets a pod of a recorded revision go on. @throws KubeError other than `conflict` */
export async function skip(
  { pod, revision }: Extract<Decision, { kind: 'skip' }>,
  snapshot: Snapshot,
  { api, report }: ReconcileContext,
): Promise<ActionResult> {
  try {
    const written = await writeGrant(api, pod, { kind: 'skip' }, marksOff(pod))
    // One that has run it itself is only kept from waiting once more.
    if (!isDone(pod)) report({ kind: 'skipped', pod: pod.metadata.name, revision }, snapshot.key)
    return withPod(snapshot, pod.metadata.name, written)
  } catch (error) {
    if (!(error instanceof KubeError) || error.code !== 'conflict') throw error
    return await readAgain(api, pod, snapshot, error)
  }
}

/** Has kubelet write a pod's files once more; where that is refused, as by a policy of an earlier version, it goes without. */
export async function nudge(
  { pod, wait }: Extract<Decision, { kind: 'nudge' }>,
  snapshot: Snapshot,
  { api, report, now }: ReconcileContext,
): Promise<ActionResult> {
  const { name } = pod.metadata
  try {
    return withPod(snapshot, name, await api.annotatePod(pod.metadata, nudgeFor(pod)))
  } catch (error) {
    if (!(error instanceof KubeError) || error.code === 'unavailable') throw error
    if (error.code === 'conflict') return await readAgain(api, pod, snapshot, error)
    report(problemOf(error, name), snapshot.key)
    const resyncAt = now() + RESYNC_MS
    return { ...wait, until: Math.min(resyncAt, wait.until ?? resyncAt) }
  }
}

/** Takes the autoscalers' marks off; one that this is refused for keeps them, and is not asked again. */
export async function unmark(pod: Pod, snapshot: Snapshot, { api, report }: ReconcileContext): Promise<ActionResult> {
  const { name, uid } = pod.metadata
  try {
    return withPod(snapshot, name, await api.annotatePod(pod.metadata, marksOff(pod)))
  } catch (error) {
    if (!(error instanceof KubeError) || error.code === 'conflict' || error.code === 'unavailable') throw error
    report(problemOf(error, name), snapshot.key)
    return { kind: 'on', snapshot: { ...snapshot, markedForGood: new Set([...snapshot.markedForGood, uid]) } }
  }
}

/** Goes on with a pod as it was just read or written; undefined where it is gone. */
export function withPod(snapshot: Snapshot, name: string, pod: Pod | undefined): Extract<ActionResult, { kind: 'on' }> {
  const pods = new Map(snapshot.pods)
  pods.set(name, { pod, isLive: true })
  return { kind: 'on', snapshot: { ...snapshot, pods } }
}

/** The watch lags behind: only this pod is read again. */
async function readAgain(api: Api, pod: Pod, snapshot: Snapshot, conflict: KubeError): Promise<ActionResult> {
  const { name, namespace } = pod.metadata
  return { ...withPod(snapshot, name, await api.read('Pod', namespace, name)), kind: 'stale', conflict }
}

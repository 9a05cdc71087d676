import type {
  ContainerStatus,
  Deployment,
  Metadata,
  OwnerReference,
  Pod,
  ReplicaSet,
  Terminated,
} from '../kube/objects.ts'
import { INIT_CONTAINER, PROTOCOL, PROTOCOL_LABEL, REVISION_ANNOTATION, REVISION_LABEL } from '../names.ts'
import { decidedNumber, grantOf, MAX_RUN_NUMBER } from './grant.ts'

/** The wrapper writes `run n`, `run n timeout`, `stale n` or `stale n unknown`; the command may add to it. */
const MESSAGE = /^(run|stale) ([1-9]\d{0,14})( timeout| unknown)?(?![0-9])/

/** Ends that kubelet or the container runtime made up, since they had lost sight of the container. */
const MADE_UP = new Set(['ContainerStatusUnknown', 'Unknown'])

/** An exit code above this is that of a signal, as shells and container runtimes have it. */
const SIGNAL_BASE = 128
/** Above that it is the command's own. */
const SIGNAL_MAX = SIGNAL_BASE + 31

/** What the status of the injected init container shows about one run number. */
export type End =
  /** It has not ended, or not started, or ended without a word of this number: the lock stays. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'success'; readonly startedAt: string | undefined; readonly finishedAt: string | undefined }
  | {
      readonly kind: 'failure'
      readonly exitCode: number
      readonly isTimeout: boolean
      /** That the number was used is known from the next start alone: the command overwrote what its own start had said. */
      readonly isNumberLost: boolean
    }
  /** It is over, and its result can't be known. Not the command's fault, so it does not count. */
  | { readonly kind: 'interrupted'; readonly why: 'stale' | 'pod-failed' | 'pod-deleted' }
  /**
   * It exited 0 without a word of the number: the command overwrote that, a record let it through, or kubelet made the
   * status up. Nothing is recorded by it.
   */
  | { readonly kind: 'unrecorded' }

/**
 * What became of a run number that this pod was to use. Both the present and the last instance are looked at, since
 * kubelet starts an ended one again. The first row that holds:
 *
 * | exit | message                             |                                                                 |
 * | ---- | ----------------------------------- | --------------------------------------------------------------- |
 * | 0    | run n                               | success                                                         |
 * | else | run n                               | failure; interrupted where the pod was being deleted or evicted  |
 * | else | else, and the next says stale n    | the same: the command overwrote what its start had said          |
 * | any  | stale n                             | interrupted: an earlier instance used it; its end was not seen   |
 * | 0    | none of n                           | unrecorded                                                      |
 * | else | none of n                           | it may not have started; interrupted where the pod is over       |
 *
 * An end without the number proves nothing by itself: a wrapper that is killed while it waits looks the same, and its next
 * start may still use the number. Only a next start that finds it claimed, and says so, proves that it was used.
 */
export function endOf(pod: Pod, number: number): End {
  const seen = ends(pod)
  const run = seen.find((end) => says(end, 'run', number))
  if (run?.exitCode === 0) return { kind: 'success', startedAt: run.startedAt, finishedAt: run.finishedAt }
  const [latest, before] = seen
  const isProof = latest !== undefined && says(latest, 'stale', number) && readMessage(latest)?.isUnknown === false
  const isFollowed = isProof && isSilentFailure(before)
  const failed = run ?? (isFollowed ? before : undefined)
  if (failed !== undefined) {
    if (pod.metadata.deletionTimestamp !== undefined) return { kind: 'interrupted', why: 'pod-deleted' }
    if (isOver(pod)) return { kind: 'interrupted', why: 'pod-failed' }
    const isTimeout = readMessage(failed)?.isTimeout === true
    return { kind: 'failure', exitCode: failed.exitCode, isTimeout, isNumberLost: run === undefined }
  }
  if (seen.some((end) => says(end, 'stale', number))) return { kind: 'interrupted', why: 'stale' }
  if (isDone(pod)) return { kind: 'unrecorded' }
  return isOver(pod) ? { kind: 'interrupted', why: 'pod-failed' } : { kind: 'unknown' }
}

interface Message {
  readonly kind: 'run' | 'stale'
  readonly number: number
  readonly isTimeout: boolean
  /** It was given back when the wrapper first read its state since the node started: whether it was used is unknown. */
  readonly isUnknown: boolean
}

function readMessage(terminated: Terminated): Message | undefined {
  const [, kind, digits, more] = MESSAGE.exec(terminated.message ?? '') ?? []
  if (kind !== 'run' && kind !== 'stale') return undefined
  return { kind, number: Number(digits), isTimeout: more === ' timeout', isUnknown: more === ' unknown' }
}

function says(end: Terminated | undefined, kind: Message['kind'], number: number): boolean {
  const message = end === undefined ? undefined : readMessage(end)
  return message?.kind === kind && message.number === number
}

/** Whatever it says, it was not a wait that gave the number back. */
function isSilentFailure(end: Terminated | undefined): boolean {
  return end !== undefined && end.exitCode !== 0 && readMessage(end)?.kind !== 'stale' && !MADE_UP.has(end.reason ?? '')
}

/** The present instance if it ended, then the one before it. */
function ends(pod: Pod): readonly Terminated[] {
  const status = statusOf(pod)
  return [status?.state?.terminated, status?.lastState?.terminated].filter((end) => end !== undefined)
}

/** Of the injected init container, once kubelet has written one. */
export function statusOf(pod: Pod): ContainerStatus | undefined {
  return pod.status?.initContainerStatuses?.find(({ name }) => name === INIT_CONTAINER)
}

/** Whether the pod is over for good, which kubelet alone can tell: pod garbage collection writes the phase only. */
function isOver(pod: Pod): boolean {
  const phase = pod.status?.phase
  return (phase === 'Failed' || phase === 'Succeeded') && statusOf(pod)?.state?.terminated !== undefined
}

/** The run that this pod finished with success, if its last two instances show one. */
export function succeededRun(pod: Pod): number | undefined {
  const end = ends(pod).find((one) => one.exitCode === 0 && readMessage(one)?.kind === 'run')
  return end === undefined ? undefined : readMessage(end)?.number
}

/** The highest run number that this pod was ever given, or speaks of; 0 where there is none. */
export function highestNumberOf(pod: Pod): number {
  return Math.max(decidedNumber(grantOf(pod)), spokenNumber(pod))
}

/** The highest run number that its last two instances speak of; 0 where there is none. */
export function spokenNumber(pod: Pod): number {
  return Math.max(0, ...ends(pod).map((end) => readMessage(end)?.number ?? 0))
}

/** `exit code 3`, `exit code 143 (signal 15)`. */
export function exitCodeInWords(code: number): string {
  const isSignal = code > SIGNAL_BASE && code <= SIGNAL_MAX
  return `exit code ${code}${isSignal ? ` (signal ${code - SIGNAL_BASE})` : ''}`
}

/** Whether the wrapper runs: it waits for its turn, or is the command by now. An image that can't be pulled does not. */
export function isRunning(pod: Pod): boolean {
  return statusOf(pod)?.state?.running !== undefined
}

/** Since when the present instance runs, as the node's clock has it; undefined where it does not. */
export function runningSince(pod: Pod): string | undefined {
  return statusOf(pod)?.state?.running?.startedAt
}

/** Whether our container was ever started: only then may some controller have chosen this pod. Never turns back. */
export function hasStarted(pod: Pod): boolean {
  const status = statusOf(pod)
  if (status === undefined) return false
  return isRunning(pod) || ends(pod).length > 0 || status.restartCount > 0
}

/** Whether our container let the app start. Only a new sandbox, after its node's restart, can start it again. */
export function isDone(pod: Pod): boolean {
  return statusOf(pod)?.state?.terminated?.exitCode === 0
}

export function speaksProtocol(pod: Pod): boolean {
  return pod.metadata.labels?.[PROTOCOL_LABEL] === PROTOCOL
}

/**
 * Whether the pod's wrapper waits for its turn: a pod that is going away, whose image can't be pulled or whose earlier
 * init containers have not ended is never given the lock.
 */
export function isWaiting(pod: Pod): boolean {
  const { phase } = pod.status ?? {}
  return pod.metadata.deletionTimestamp === undefined && (phase ?? 'Pending') === 'Pending' && isRunning(pod)
}

/** Whether nothing that this pod was granted may still be running. A new sandbox starts a pod again after its run. */
export function mayBeTold(pod: Pod): boolean {
  const grant = grantOf(pod)
  if (grant.kind === 'run') return endOf(pod, grant.number).kind !== 'unknown'
  return grant.kind === 'none' || grant.kind === 'wait'
}

/** Whether this pod may be given the next run of the revision that is being rolled out. */
export function isCandidate(pod: Pod, current: ReplicaSet): boolean {
  return (
    speaksProtocol(pod) &&
    isWaiting(pod) &&
    controllerOf(pod.metadata, 'ReplicaSet')?.uid === current.metadata.uid &&
    mayBeTold(pod) &&
    decidedNumber(grantOf(pod)) < MAX_RUN_NUMBER
  )
}

/** The pod that is next: the oldest, by name where they are of the same second. */
export function choose(pods: readonly Pod[], current: ReplicaSet): Pod | undefined {
  const age = (pod: Pod) => Date.parse(pod.metadata.creationTimestamp ?? '') || 0
  return pods
    .filter((pod) => isCandidate(pod, current))
    .toSorted((a, b) => age(a) - age(b) || (a.metadata.name < b.metadata.name ? -1 : 1))[0]
}

/**
 * Since when a pod's wrapper has been waiting for its turn, by its node's clock; milliseconds since 1970. Undefined where it
 * does not wait: it does not run yet, is the command by now, or is about to let the app start.
 */
export function waitsSince(pod: Pod): number | undefined {
  if (!isWaiting(pod) || !(mayBeTold(pod) || grantOf(pod).kind === 'unreadable')) return undefined
  const since = Date.parse(runningSince(pod) ?? '')
  return Number.isNaN(since) ? undefined : since
}

/** The object's controller, if it is of this kind. */
export function controllerOf(metadata: Metadata, kind: string): OwnerReference | undefined {
  return metadata.ownerReferences?.find((owner) => owner.kind === kind && owner.controller === true)
}

/** The revision as wrapper and record name it. */
export function revisionOfPod(pod: Pod): string {
  return pod.metadata.labels?.[REVISION_LABEL] ?? ''
}

export function isOwnedBy(metadata: Metadata, replicaSets: readonly ReplicaSet[]): boolean {
  const uid = controllerOf(metadata, 'ReplicaSet')?.uid
  return uid !== undefined && replicaSets.some((replicaSet) => replicaSet.metadata.uid === uid)
}

/**
 * The ReplicaSet that is being rolled out. Undefined while the Deployment controller has not caught up: then an older
 * one would pass for it. A paused Deployment stays at the one it had.
 * @param replicaSets those of this Deployment
 */
export function currentReplicaSet(deployment: Deployment, replicaSets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const { generation = 0, annotations } = deployment.metadata
  if ((deployment.status?.observedGeneration ?? -1) < generation) return undefined
  const revision = annotations?.[REVISION_ANNOTATION]
  if (revision === undefined) return undefined
  const found = replicaSets.filter(({ metadata }) => metadata.annotations?.[REVISION_ANNOTATION] === revision)
  return found.length === 1 ? found[0] : undefined
}

import type { ContainerStatus, Pod, Terminated } from '../kube/objects.ts'
import { INIT_CONTAINER } from '../migration/names.ts'

/** What the status of our init container tells about one run number. */
export type End =
  /** It has not ended, or not started, or ended without a word of this number: the lock stays. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'success'; readonly startedAt: string | undefined; readonly finishedAt: string | undefined }
  | { readonly kind: 'failure'; readonly exitCode: number; readonly isTimeout: boolean }
  /** It is over, and nobody can tell with which result. Not the command's fault, so it does not count. */
  | { readonly kind: 'interrupted'; readonly why: 'stale' | 'pod-failed' | 'pod-deleted' }
  /** It exited 0 without having used the number. */
  | { readonly kind: 'skipped' }

/** The wrapper writes `run n`, `run n timeout` or `stale n`; the command may add to it. */
const MESSAGE = /^(run|stale) ([1-9]\d{0,14})( timeout)?(?![0-9])/

interface Message {
  readonly kind: 'run' | 'stale'
  readonly number: number
  readonly isTimeout: boolean
}

function readMessage(terminated: Terminated): Message | undefined {
  const [, kind, digits, timeout] = MESSAGE.exec(terminated.message ?? '') ?? []
  if (kind !== 'run' && kind !== 'stale') return undefined
  return { kind, number: Number(digits), isTimeout: timeout !== undefined }
}

/** Of our init container, once kubelet has written one. */
export function statusOf(pod: Pod): ContainerStatus | undefined {
  return pod.status?.initContainerStatuses?.find(({ name }) => name === INIT_CONTAINER)
}

/** The present instance if it ended, then the one before it. */
function ends(pod: Pod): readonly Terminated[] {
  const status = statusOf(pod)
  return [status?.state?.terminated, status?.lastState?.terminated].filter((end) => end !== undefined)
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

/** Whether the pod is over for good, which kubelet alone can tell: pod garbage collection writes the phase only. */
function isOver(pod: Pod): boolean {
  const phase = pod.status?.phase
  return (phase === 'Failed' || phase === 'Succeeded') && statusOf(pod)?.state?.terminated !== undefined
}

/** The highest run number that its last two instances speak of; 0 where there is none. */
export function spokenNumber(pod: Pod): number {
  return Math.max(0, ...ends(pod).map((end) => readMessage(end)?.number ?? 0))
}

/** The run that this pod finished with success, if its last two instances show one. */
export function succeededRun(pod: Pod): number | undefined {
  const end = ends(pod).find((one) => one.exitCode === 0 && readMessage(one)?.kind === 'run')
  return end === undefined ? undefined : readMessage(end)?.number
}

/**
 * What became of a run number that this pod was to use. Both the present and the last instance are looked at, since
 * kubelet starts an ended one again.
 *
 * | exit | message      |                                                                       |
 * | ---- | ------------ | --------------------------------------------------------------------- |
 * | 0    | run n        | success                                                               |
 * | else | run n        | failure; interrupted where the pod was being deleted or evicted        |
 * | any  | stale n      | interrupted: an earlier instance used it, and its end was not seen      |
 * | 0    | none of n    | skipped, or kubelet made the status up for a container that is gone     |
 * | else | none of n    | it had not started; interrupted where the pod is over                  |
 */
export function endOf(pod: Pod, number: number): End {
  for (const terminated of ends(pod)) {
    const message = readMessage(terminated)
    if (message?.number !== number) continue
    if (message.kind === 'stale') return { kind: 'interrupted', why: 'stale' }
    const { exitCode, startedAt, finishedAt } = terminated
    if (exitCode === 0) return { kind: 'success', startedAt, finishedAt }
    if (pod.metadata.deletionTimestamp !== undefined) return { kind: 'interrupted', why: 'pod-deleted' }
    if (isOver(pod)) return { kind: 'interrupted', why: 'pod-failed' }
    return { kind: 'failure', exitCode, isTimeout: message.isTimeout }
  }
  if (isDone(pod)) return { kind: 'skipped' }
  return isOver(pod) ? { kind: 'interrupted', why: 'pod-failed' } : { kind: 'unknown' }
}

import type { ContainerStatus, Pod } from '../kube/objects.ts'
import { decisionOn, grantOf } from '../lock/grant.ts'
import { cut, projectPod } from '../lock/pod-projection.ts'
import { statusOf } from '../lock/pod-state.ts'
import { INIT_CONTAINER } from '../names.ts'

const FINALIZERS_MAX = 5 // to be named to a person
const MAX_CHARACTERS = 240
const GRACE_DEFAULT_SECONDS = 30 // https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination

/** What is kept of a pod: what the controller decides from, and what keeps its wrapper from running. */
export interface PodFacts {
  readonly pod: Pod
  readonly trouble: Trouble | undefined
}

export interface Trouble {
  readonly kind: TroubleKind
  /** The container that it is about. */
  readonly container?: string
  readonly image?: string
  readonly exit?: number
  /** As Kubernetes says it. */
  readonly detail?: string
}

/** Why the wrapper of a pod does not run, so that the pod can't have its turn. */
export type TroubleKind =
  | 'unschedulable'
  | 'image-pull'
  | 'earlier-container'
  | 'earlier-container-fails'
  | 'no-shell'
  | 'no-sleep'
  | 'cannot-note'
  | 'cannot-start'
  | 'pod-starting'

export function podFacts(full: Pod): PodFacts {
  const { metadata, spec, ...rest } = projectPod(full)
  const { deletionGracePeriodSeconds, finalizers } = full.metadata
  const { nodeName, terminationGracePeriodSeconds } = full.spec
  return {
    pod: {
      ...rest,
      metadata: {
        ...metadata,
        ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
        ...(finalizers === undefined ? {} : { finalizers: finalizers.slice(0, FINALIZERS_MAX) }),
      },
      spec: {
        ...spec,
        ...(nodeName === undefined ? {} : { nodeName }),
        ...(terminationGracePeriodSeconds === undefined ? {} : { terminationGracePeriodSeconds }),
      },
    },
    trouble: troubleOf(full),
  }
}

/** Whether a pod was told to start the run of this number. */
export function isGranted(pod: Pod, number: number): boolean {
  return decisionOn(number, grantOf(pod)) === 'run'
}

/** How long a pod may take to end once it is deleted. */
export function graceSecondsOf(pod: Pod | undefined): number {
  return pod?.spec.terminationGracePeriodSeconds ?? GRACE_DEFAULT_SECONDS
}

const PULL_REASONS = new Set([
  'ImagePullBackOff',
  'ErrImagePull',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
])

/** What kubelet says while it can't create or start a container; its message is kubelet's own. */
const REFUSAL_REASONS = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'])

/**
 * Ends of containers that never ran: containerd's word, and that of Docker's shim. CRI-O says it while the container waits.
 * The message of any other end is what the command left there, which may be a secret.
 */
const START_ERRORS = new Set(['StartError', 'ContainerCannotRun'])

/** What containerd and CRI-O say where an image has no shell, each with a path of its own in between. */
const NO_SHELL = /\/bin\/sh\b.*(no such file or directory|not found|permission denied)/i
/** The wrapper's own ends: wrapper.sh. */
const EXITS: Readonly<Record<number, TroubleKind>> = { 69: 'no-sleep', 74: 'cannot-note' }

/**
 * What keeps a pod's wrapper from running, by what kubelet and scheduler wrote into its status. Undefined where it runs,
 * has ended well, or only starts again.
 */
function troubleOf(pod: Pod): Trouble | undefined {
  const ours = statusOf(pod)
  if (ours?.state?.running !== undefined || ours?.state?.terminated?.exitCode === 0) return undefined
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
  if (scheduled?.status === 'False') return { kind: 'unschedulable', ...detailOf(scheduled.message) }
  if (ours === undefined) return { kind: 'pod-starting' }
  for (const status of pod.status?.initContainerStatuses ?? []) {
    if (status.name === INIT_CONTAINER) break
    const trouble = troubleOfEarlier(status)
    if (trouble !== undefined) return trouble
  }
  return troubleOfOurs(ours)
}

function troubleOfEarlier(status: ContainerStatus): Trouble | undefined {
  const { name: container, state, lastState, started } = status
  // A native sidecar that has started, or one that is done.
  if (state?.terminated?.exitCode === 0 || (state?.running !== undefined && started === true)) return undefined
  const pull = pullTrouble(status)
  if (pull !== undefined) return pull
  const refusal = startRefusal(status)
  if (refusal !== undefined) return { kind: 'cannot-start', container, ...detailOf(refusal.message) }
  const end = state?.terminated ?? lastState?.terminated
  if (end !== undefined && end.exitCode !== 0 && !START_ERRORS.has(end.reason ?? ''))
    return { kind: 'earlier-container-fails', container, exit: end.exitCode }
  if (state?.running !== undefined) return { kind: 'earlier-container', container }
  return undefined
}

function troubleOfOurs(status: ContainerStatus): Trouble | undefined {
  const { state, lastState } = status
  const container = INIT_CONTAINER
  const image = status.image === undefined || status.image === '' ? {} : { image: status.image }
  const pull = pullTrouble(status)
  if (pull !== undefined) return pull
  const refusal = startRefusal(status)
  if (refusal !== undefined) {
    const kind = NO_SHELL.test(refusal.message ?? '') ? 'no-shell' : 'cannot-start'
    return { kind, container, ...image, ...detailOf(refusal.message) }
  }
  const end = state?.terminated ?? lastState?.terminated
  const kind = EXITS[end?.exitCode ?? 0]
  if (kind !== undefined && !/^(run|stale) /.test(end?.message ?? '')) return { kind, container, ...image }
  if (end === undefined) return { kind: 'pod-starting', container }
  return undefined
}

/** That a container can't be started, in the words of kubelet or the runtime; undefined where it could, or is about to. */
function startRefusal({ state, lastState }: ContainerStatus): { readonly message: string | undefined } | undefined {
  if (state?.running !== undefined) return undefined // whatever kept it from starting before is over
  const { reason, message } = state?.waiting ?? {}
  const isRefused = REFUSAL_REASONS.has(reason ?? '')
  if (isRefused && message !== undefined && message !== '') return { message }
  const end = state?.terminated ?? lastState?.terminated
  if (START_ERRORS.has(end?.reason ?? '')) return { message: end?.message }
  return isRefused ? { message: undefined } : undefined
}

function pullTrouble({ name, image, state }: ContainerStatus): Trouble | undefined {
  const { reason = '', message } = state?.waiting ?? {}
  if (!PULL_REASONS.has(reason)) return undefined
  return {
    kind: 'image-pull',
    container: name,
    ...(image === undefined ? {} : { image }),
    ...detailOf(message ?? reason),
  }
}

function detailOf(text: string | undefined): { readonly detail?: string } {
  return text === undefined || text === '' ? {} : { detail: excerpt(text) }
}

/** What Kubernetes says, on one line and not longer than a few of them; without control characters, for a terminal. */
export function excerpt(text: string): string {
  const line = cut(text, 4 * MAX_CHARACTERS)
    .replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .replaceAll(/ {2,}/g, ' ')
    .trim()
  return line.length <= MAX_CHARACTERS ? line : `${cut(line, MAX_CHARACTERS)}…`
}

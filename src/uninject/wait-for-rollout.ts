import { KubeError } from '../kube/api.ts'
import { type Clock, pause } from '../kube/clock.ts'
import type { Deployment } from '../kube/objects.ts'
import { projectPod } from '../lock/pod-projection.ts'
import { lockConfigMapName, PROTOCOL_LABEL } from '../names.ts'
import { type InjectedDeployment, isInjected, isOf } from './injected.ts'
import { selectionOf, type UninjectTarget } from './inventory.ts'

const LOOK_EVERY_MS = 1_000
const NEVER = new AbortController().signal

interface WaitOptions {
  readonly limitMs: number
  readonly clock: Clock
  /** Called when what it waits for has changed. */
  readonly onProgress: (at: string) => void
}

/** How the wait ended. */
export type RolloutResult =
  | { readonly kind: 'rolled-out' | 'paused' | 'gone' }
  /** Somebody has applied the annotations again. */
  | { readonly kind: 'put-back' }
  | { readonly kind: 'stuck' | 'late'; readonly why: string }

/**
 * Waits until a Deployment that ours was taken off has rolled out, and no pod with ours is left of it. An API server that
 * is away for a while is waited for too. Throws KubeError. Permissions: get on deployments, list on pods.
 */
export async function waitForRollout(
  target: UninjectTarget,
  injected: InjectedDeployment,
  { limitMs, clock, onProgress }: WaitOptions,
): Promise<RolloutResult> {
  const endMs = clock.nowMs() + limitMs
  let at = ''
  for (;;) {
    const state = await look(target, injected)
    if (state.kind !== 'under-way') return state.kind === 'done' ? { kind: 'rolled-out' } : state
    if (state.at !== at) onProgress(state.at)
    at = state.at
    if (clock.nowMs() >= endMs) return { kind: 'late', why: at }
    await pause(clock, LOOK_EVERY_MS, NEVER)
  }
}

async function look(
  target: UninjectTarget,
  injected: InjectedDeployment,
): Promise<RolloutState | { readonly kind: 'gone' | 'put-back' }> {
  const { key, uid } = injected
  try {
    const stored = await target.api.read('Deployment', key.namespace, key.deployment)
    if (stored === undefined || stored.metadata.uid !== uid) return { kind: 'gone' }
    if (isInjected(stored)) return { kind: 'put-back' }
    const state = rolloutState(stored)
    if (state.kind !== 'done') return state
    const pods = await target.api.list('Pod', selectionOf(key.namespace, PROTOCOL_LABEL), projectPod)
    const left = pods.filter((pod) => isOf(pod, key.namespace, lockConfigMapName(key.deployment)))
    return left.length === 0 ? state : { kind: 'under-way', at: `old pods still ending: ${left.length}` }
  } catch (error) {
    if (error instanceof KubeError && error.code === 'unavailable') return { kind: 'under-way', at: error.message }
    throw error
  }
}

/** Where the rollout of a Deployment's newest template is. */
type RolloutState =
  | { readonly kind: 'done' }
  | { readonly kind: 'paused' }
  /** It goes on, but not within progressDeadlineSeconds. */
  | { readonly kind: 'stuck'; readonly why: string }
  | { readonly kind: 'under-way'; readonly at: string }

/** The same rules as `kubectl rollout status` (k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go). */
export function rolloutState({ metadata, spec, status = {} }: Deployment): RolloutState {
  const { generation = 0 } = metadata
  const { observedGeneration = -1, replicas = 0, updatedReplicas = 0, availableReplicas = 0, conditions = [] } = status
  if (spec.paused === true) return { kind: 'paused' }
  if (observedGeneration < generation) return { kind: 'under-way', at: 'its controller has not seen the change yet' }
  const progress = conditions.find(({ type }) => type === 'Progressing')
  if (progress?.reason === 'ProgressDeadlineExceeded')
    return { kind: 'stuck', why: progress.message ?? progress.reason }
  const wanted = spec.replicas ?? 1
  const of = (count: number, what: string) => ({
    kind: 'under-way' as const,
    at: `${count} of ${wanted} pods are ${what}`,
  })
  if (updatedReplicas < wanted) return of(updatedReplicas, 'new')
  if (replicas > updatedReplicas)
    return { kind: 'under-way', at: `old pods still to end: ${replicas - updatedReplicas}` }
  if (availableReplicas < updatedReplicas) return of(availableReplicas, 'available')
  return { kind: 'done' }
}

import { KubeError } from '../kube/api.ts'
import { type Clock, pause } from '../kube/clock.ts'
import { projectPod } from '../lock/pod-projection.ts'
import { lockConfigMapName, PROTOCOL_LABEL } from '../names.ts'
import { type InjectedDeployment, isInjected } from './injected.ts'
import { isOf } from './migration.ts'
import { type RolloutState, rolloutState } from './rollout.ts'
import { type Ground, selectionOf } from './survey.ts'

const LOOK_EVERY_MS = 1_000
const NEVER = new AbortController().signal

export interface WaitOptions {
  readonly limitMs: number
  readonly clock: Clock
  /** Called when what it waits for has changed. */
  readonly onProgress: (at: string) => void
}

/** How the wait ended. */
export type Waited =
  | { readonly kind: 'rolled-out' | 'paused' | 'gone' }
  /** Somebody has applied the annotations again. */
  | { readonly kind: 'put-back' }
  | { readonly kind: 'stuck' | 'late'; readonly why: string }

/**
 * Waits until a Deployment that ours was taken off has rolled out, and no pod with ours is left of it. An API server that
 * is away for a while is waited for too. Throws KubeError. Permissions: get on deployments, list on pods.
 */
export async function untilRolledOut(
  ground: Ground,
  injected: InjectedDeployment,
  { limitMs, clock, onProgress }: WaitOptions,
): Promise<Waited> {
  const endMs = clock.nowMs() + limitMs
  let at = ''
  for (;;) {
    const state = await look(ground, injected)
    if (state.kind !== 'under-way') return state.kind === 'done' ? { kind: 'rolled-out' } : state
    if (state.at !== at) onProgress(state.at)
    at = state.at
    if (clock.nowMs() >= endMs) return { kind: 'late', why: at }
    await pause(clock, LOOK_EVERY_MS, NEVER)
  }
}

async function look(
  ground: Ground,
  injected: InjectedDeployment,
): Promise<RolloutState | { readonly kind: 'gone' | 'put-back' }> {
  const { key, uid } = injected
  try {
    const stored = await ground.api.read('Deployment', key.namespace, key.deployment)
    if (stored === undefined || stored.metadata.uid !== uid) return { kind: 'gone' }
    if (isInjected(stored)) return { kind: 'put-back' }
    const state = rolloutState(stored)
    if (state.kind !== 'done') return state
    const pods = await ground.api.list('Pod', selectionOf(key.namespace, PROTOCOL_LABEL), projectPod)
    const left = pods.filter((pod) => isOf(pod, key.namespace, lockConfigMapName(key.deployment)))
    return left.length === 0 ? state : { kind: 'under-way', at: `old pods still ending: ${left.length}` }
  } catch (error) {
    if (error instanceof KubeError && error.code === 'unavailable') return { kind: 'under-way', at: error.message }
    throw error
  }
}

import type { Deployment } from '../kube/objects.ts'

/** Where the rollout of a Deployment's newest template is. */
export type RolloutState =
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

import type { Pod } from '../../../src/kube/objects.ts'
import { GRANT_ANNOTATION } from '../../../src/names.ts'
import type { AuditEvent } from '../../support/cluster/audit-log.ts'

/** What the API server stored about a rollout, and when; milliseconds since 1970. */
export type Fact =
  /** Somebody asked for it, by a new Deployment, a change of one, or a Job. */
  | { readonly kind: 'asked'; readonly of: string; readonly atMs: number }
  /** The Deployment's status first said that this generation is rolled out. */
  | { readonly kind: 'complete'; readonly of: string; readonly generation: number; readonly atMs: number }
  | { readonly kind: 'bound'; readonly pod: string; readonly atMs: number }
  | { readonly kind: 'running' | 'ended'; readonly pod: string; readonly container: string; readonly atMs: number }
  | { readonly kind: 'ready'; readonly pod: string; readonly atMs: number }
  /** By the controller. */
  | { readonly kind: 'told'; readonly pod: string; readonly grant: string; readonly atMs: number }

interface DeploymentBody {
  readonly metadata: { readonly generation?: number }
  readonly spec: { readonly replicas?: number }
  readonly status?: {
    readonly observedGeneration?: number
    readonly replicas?: number
    readonly updatedReplicas?: number
    readonly availableReplicas?: number
  }
}

interface PodBody {
  readonly metadata?: { readonly annotations?: Record<string, string | null> }
  readonly status?: Pod['status'] & { readonly conditions?: { readonly type: string; readonly status?: string }[] }
}

/** What a write tells; nothing where it was refused or is about something else. */
export function factsOf(event: AuditEvent): Fact[] {
  const { verb, objectRef, responseStatus, requestObject } = event
  const name = objectRef?.name ?? (requestObject as { metadata?: { name?: string } } | undefined)?.metadata?.name
  if (name === undefined || (responseStatus?.code ?? 0) >= 300) return []
  const atMs = Date.parse(event.stageTimestamp)
  switch ([objectRef?.resource, objectRef?.subresource].filter(Boolean).join('/')) {
    case 'deployments':
    case 'jobs':
      // A Deployment's controller writes to it too, by update.
      if (verb !== 'create' && verb !== 'patch') return []
      return [{ kind: 'asked', of: name, atMs: Date.parse(event.requestReceivedTimestamp) }]
    case 'deployments/status': {
      const body = requestObject as DeploymentBody
      return isRolledOut(body)
        ? [{ kind: 'complete', of: name, generation: body.status?.observedGeneration ?? 0, atMs }]
        : []
    }
    case 'pods/binding':
      return [{ kind: 'bound', pod: name, atMs }]
    case 'pods/status':
      return factsOfPod(name, requestObject as PodBody, atMs)
    default:
      return []
  }
}

/** As `kubectl rollout status` has it. */
function isRolledOut({ metadata, spec, status = {} }: DeploymentBody): boolean {
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status
  const wanted = spec.replicas ?? 1
  return (
    observedGeneration >= (metadata.generation ?? 0) &&
    [replicas, updatedReplicas, availableReplicas].every((count) => count === wanted)
  )
}

/** kubelet repeats what it said before; the first time counts, which is for the reader to find. */
function factsOfPod(pod: string, { metadata, status }: PodBody, atMs: number): Fact[] {
  const grant = metadata?.annotations?.[GRANT_ANNOTATION]
  const inits = (status?.initContainerStatuses ?? []).flatMap(({ name: container, state }): Fact[] => {
    if (state?.running) return [{ kind: 'running', pod, container, atMs }]
    return state?.terminated?.exitCode === 0 ? [{ kind: 'ended', pod, container, atMs }] : []
  })
  const isReady = status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
  return [
    ...(typeof grant === 'string' ? [{ kind: 'told', pod, grant, atMs } as const] : []),
    ...inits,
    ...(isReady ? [{ kind: 'ready', pod, atMs } as const] : []),
  ]
}

/** The time of the first fact of a kind about a pod. */
export function firstOf(facts: readonly Fact[], kind: Fact['kind'], pod: string): number | undefined {
  return facts.find((fact) => fact.kind === kind && 'pod' in fact && fact.pod === pod)?.atMs
}

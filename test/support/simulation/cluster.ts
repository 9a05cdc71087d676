import type { Deployment, Metadata, ReplicaSet } from '../../../src/kube/objects.ts'
import {
  FILES_VOLUME,
  INIT_CONTAINER,
  lockConfigMapName,
  PREFIX,
  PROTOCOL,
  PROTOCOL_LABEL,
  REVISION_ANNOTATION,
  REVISION_LABEL,
} from '../../../src/names.ts'
import { SimulatedPod } from './pod.ts'
import type { Server } from './server.ts'
import type { Mistakes } from './wrapper.ts'

export const NAMESPACE = 'default'

export interface Wanted {
  readonly name: string
  readonly replicas: number
  readonly lock: string | undefined
  /** Named by the API server (generateName): its pods mount no record. */
  readonly isNameGenerated: boolean
}

/** Something that a part of Kubernetes may do next. */
export type Step = readonly [text: string, carryOut: () => void]

/** What the user wants, and what the Deployment controller and the garbage collector make of it, step by step. */
export class Cluster {
  readonly server: Server
  readonly pods: SimulatedPod[] = []
  readonly #wanted = new Map<string, { readonly wanted: Wanted; revision: string; replicas: number }>()
  readonly #mistakes: Mistakes
  #podNumber = 0

  constructor(server: Server, mistakes: Mistakes) {
    this.server = server
    this.#mistakes = mistakes
  }

  create(wanted: Wanted, revision: string): void {
    const { name, lock, replicas } = wanted
    this.#wanted.set(name, { wanted, revision, replicas })
    const annotations: Record<string, string> = { [`${PREFIX}command`]: 'migrate' }
    if (lock !== undefined) annotations[`${PREFIX}lock`] = lock
    this.server.create(
      'Deployment',
      {
        metadata: { namespace: NAMESPACE, name, generation: 1, annotations },
        spec: { replicas, selector: { matchLabels: { app: name } } },
      },
      'user',
    )
  }

  revisionOf(name: string): string {
    return this.#wanted.get(name)?.revision ?? ''
  }

  podsOf(name: string): number {
    return this.pods.filter((pod) => pod.deployment === name && pod.object !== undefined).length
  }

  replicasOf(name: string): number {
    return this.#wanted.get(name)?.replicas ?? 0
  }

  /** A new template, or an older one again. */
  setRevision(name: string, revision: string): void {
    this.#change(name, (wanted) => {
      wanted.revision = revision
    })
  }

  scale(name: string, replicas: number): void {
    this.#change(name, (wanted) => {
      wanted.replicas = replicas
    })
  }

  annotate(name: string, key: string, value: string | undefined): void {
    const deployment = this.server.get('Deployment', name)
    if (deployment === undefined) return
    const { [key]: _, ...others } = deployment.metadata.annotations ?? {}
    const annotations = value === undefined ? others : { ...others, [key]: value }
    this.server.update('Deployment', grown(deployment, annotations), 'user')
  }

  #change(name: string, change: (wanted: { revision: string; replicas: number }) => void): void {
    const wanted = this.#wanted.get(name)
    const deployment = this.server.get('Deployment', name)
    if (wanted === undefined || deployment === undefined) return
    change(wanted)
    this.server.update('Deployment', grown(deployment, deployment.metadata.annotations ?? {}), 'user')
  }

  /** @param orphan leaves ReplicaSets, pods and record without an owner */
  delete(name: string, orphan: boolean): void {
    const deployment = this.server.get('Deployment', name)
    if (deployment === undefined) return
    if (orphan)
      for (const kind of ['ReplicaSet', 'ConfigMap'] as const)
        for (const object of this.server.all(kind))
          if (owner(object.metadata)?.uid === deployment.metadata.uid) {
            const { ownerReferences: _, ...metadata } = object.metadata
            this.server.update(kind, { ...object, metadata }, 'garbage collector')
          }
    this.server.remove('Deployment', name, 'user')
  }

  recreate(name: string): void {
    const wanted = this.#wanted.get(name)
    if (wanted !== undefined && this.server.get('Deployment', name) === undefined)
      this.create(wanted.wanted, wanted.revision)
  }

  /** What the Deployment controller may do next for each Deployment: one step each, in its order. */
  controllerSteps(): Step[] {
    return this.server.all('Deployment').flatMap((deployment) => this.#sync(deployment))
  }

  #sync(deployment: Deployment): Step[] {
    const { name, uid } = deployment.metadata
    const revision = this.revisionOf(name)
    const replicaSets = this.server.all('ReplicaSet').filter(({ metadata }) => owner(metadata)?.uid === uid)
    const highest = Math.max(0, ...replicaSets.map((replicaSet) => rolloutOf(replicaSet.metadata)))
    const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid, controller: true }]
    const orphan = this.server
      .all('ReplicaSet')
      .find(({ metadata }) => owner(metadata) === undefined && metadata.labels?.['app'] === name)
    if (orphan !== undefined)
      return [
        [
          `${orphan.metadata.name} adopted`,
          () =>
            this.server.update(
              'ReplicaSet',
              { ...orphan, metadata: { ...orphan.metadata, ownerReferences } },
              'kubernetes',
            ),
        ],
      ]
    const rsName = `${name}-${revision}`
    const existing = this.server.get('ReplicaSet', rsName)
    const annotations = { [REVISION_ANNOTATION]: String(highest + 1) }
    if (existing === undefined) {
      const labels = { app: name, [REVISION_LABEL]: revision }
      const metadata = { namespace: NAMESPACE, name: rsName, labels, annotations, ownerReferences }
      return [[`${rsName} created`, () => this.server.create('ReplicaSet', { metadata }, 'kubernetes')]]
    }
    const write = (metadata: Partial<Metadata>, text: string): Step[] => [
      [
        text,
        () =>
          this.server.update(
            'ReplicaSet',
            { ...existing, metadata: { ...existing.metadata, ...metadata } },
            'kubernetes',
          ),
      ],
    ]
    if (owner(existing.metadata)?.uid !== uid) return []
    if (rolloutOf(existing.metadata) < highest) return write({ annotations }, `${rsName} is current again`)
    const rollout = existing.metadata.annotations?.[REVISION_ANNOTATION] ?? ''
    if (deployment.metadata.annotations?.[REVISION_ANNOTATION] !== rollout) {
      const all = { ...deployment.metadata.annotations, [REVISION_ANNOTATION]: rollout }
      const next = { ...deployment, metadata: { ...deployment.metadata, annotations: all } }
      return [[`${name} at rollout ${rollout}`, () => this.server.update('Deployment', next, 'kubernetes')]]
    }
    const observedGeneration = deployment.metadata.generation ?? 0
    if (deployment.status?.observedGeneration !== observedGeneration)
      return [
        [
          `${name} observed`,
          () => this.server.update('Deployment', { ...deployment, status: { observedGeneration } }, 'kubernetes'),
        ],
      ]
    return this.#scaleSteps(deployment, existing, replicaSets)
  }

  #scaleSteps({ metadata: { name } }: Deployment, current: ReplicaSet, replicaSets: readonly ReplicaSet[]): Step[] {
    const live = this.pods.filter((pod) => pod.object !== undefined && !pod.isDeleting && pod.actual.kind !== 'dead')
    const of = (replicaSet: ReplicaSet) =>
      live.filter((pod) => owner(pod.object?.metadata)?.uid === replicaSet.metadata.uid)
    const present = of(current)
    const wanted = this.replicasOf(name)
    if (present.length < wanted) return [[`${name} gets a pod`, () => this.#createPod(name, current)]]
    const [first] = present
    if (present.length > wanted && first !== undefined) return [this.deletePod(first)]
    // An old one goes only for a new one that is ready.
    if (present.every(({ actual }) => actual.kind !== 'done') && wanted > 0) return []
    return replicaSets
      .filter((replicaSet) => replicaSet !== current)
      .flatMap(of)
      .slice(0, 1)
      .map((pod) => this.deletePod(pod))
  }

  deletePod(pod: SimulatedPod): Step {
    return [
      `${pod.name} is deleted`,
      () => {
        const { object } = pod
        if (object === undefined) return
        const metadata = { ...object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' }
        this.server.update('Pod', { ...object, metadata }, 'kubernetes')
      },
    ]
  }

  #createPod(deployment: string, { metadata: { name, uid, labels } }: ReplicaSet): void {
    const isNameGenerated = this.#wanted.get(deployment)?.wanted.isNameGenerated === true
    const sources = isNameGenerated ? [] : [{ configMap: { name: lockConfigMapName(deployment), optional: true } }]
    const pod = this.server.create(
      'Pod',
      {
        metadata: {
          namespace: NAMESPACE,
          name: `${name}-${++this.#podNumber}`,
          creationTimestamp: new Date(this.#podNumber * 1000).toISOString(),
          labels: { ...labels, [PROTOCOL_LABEL]: PROTOCOL },
          ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid, controller: true }],
        },
        spec: {
          initContainers: [{ name: INIT_CONTAINER }],
          volumes: [{ name: FILES_VOLUME, projected: { sources } }],
        },
        status: { phase: 'Pending' },
      },
      'kubernetes',
    )
    this.pods.push(new SimulatedPod(this.server, pod, deployment, !isNameGenerated, this.#mistakes))
  }

  /** What the garbage collector may take away: whatever has an owner that is gone. */
  garbageSteps(): Step[] {
    const owners = new Set(
      [...this.server.all('Deployment'), ...this.server.all('ReplicaSet')].map(({ metadata }) => metadata.uid),
    )
    const isLeft = ({ metadata }: { metadata: Metadata }) => {
      const uid = owner(metadata)?.uid
      return uid !== undefined && !owners.has(uid)
    }
    const steps: Step[] = []
    for (const kind of ['ConfigMap', 'ReplicaSet'] as const)
      for (const object of this.server.all(kind))
        if (isLeft(object))
          steps.push([
            `${object.metadata.name} collected`,
            () => this.server.remove(kind, object.metadata.name, 'garbage collector'),
          ])
    for (const pod of this.pods)
      if (pod.object !== undefined && !pod.isDeleting && isLeft(pod.object)) steps.push(this.deletePod(pod))
    return steps
  }
}

function owner(metadata: Metadata | undefined) {
  return metadata?.ownerReferences?.[0]
}

function rolloutOf(metadata: Metadata): number {
  return Number(metadata.annotations?.[REVISION_ANNOTATION] ?? 0)
}

function grown(deployment: Deployment, annotations: Record<string, string>): Deployment {
  const { metadata } = deployment
  return { ...deployment, metadata: { ...metadata, annotations, generation: (metadata.generation ?? 0) + 1 } }
}

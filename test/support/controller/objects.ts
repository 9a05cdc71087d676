import type { ConfigMap, ContainerState, Deployment, Pod, ReplicaSet } from '../../../src/kube/objects.ts'
import { formatRecord, type Holder, type LockRecord } from '../../../src/lock/record.ts'
import type { Snapshot } from '../../../src/lock/snapshot.ts'
import {
  DEPLOYMENT_RECORD,
  FIELD_MANAGER,
  FILES_VOLUME,
  GRANT_ANNOTATION,
  INIT_CONTAINER,
  lockConfigMapName,
  PROTOCOL,
  PROTOCOL_LABEL,
  RECORD_LABEL,
  REVISION_ANNOTATION,
  REVISION_LABEL,
} from '../../../src/names.ts'

export const NOW = Date.parse('2026-01-01T12:00:00Z')
export const KEY = { namespace: 'shop', deployment: 'web' } as const

interface PodOptions {
  readonly name?: string
  readonly grant?: string
  readonly revision?: string
  readonly state?: ContainerState
  readonly lastState?: ContainerState
  readonly phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed'
  readonly isDeleting?: boolean
  readonly annotations?: Record<string, string>
  readonly created?: string
  /** When the controller wrote to it last. */
  readonly toldAt?: string
  readonly imageID?: string
  readonly node?: string
}

/** A pod of Deployment web whose wrapper waits. */
export function podOf(options: PodOptions = {}): Pod {
  const { name = 'web-a-1', grant, revision = 'a', phase = 'Pending', lastState, toldAt, imageID, node } = options
  const state = options.state ?? { running: { startedAt: '2026-01-01T11:59:00Z' } }
  return {
    metadata: {
      name,
      namespace: KEY.namespace,
      uid: `uid of ${name}`,
      resourceVersion: '7',
      creationTimestamp: options.created ?? '2026-01-01T11:58:00Z',
      labels: { [REVISION_LABEL]: revision, [PROTOCOL_LABEL]: PROTOCOL },
      annotations: { ...options.annotations, ...(grant === undefined ? {} : { [GRANT_ANNOTATION]: grant }) },
      ...(toldAt === undefined ? {} : { managedFields: [{ manager: FIELD_MANAGER, time: toldAt }] }),
      ...(options.isDeleting === true ? { deletionTimestamp: '2026-01-01T12:00:00Z' } : {}),
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `web-${revision}`, uid: `rs ${revision}`, controller: true },
      ],
    },
    spec: {
      ...(node === undefined ? {} : { nodeName: node }),
      volumes: [{ name: FILES_VOLUME, projected: { sources: [{ configMap: { name: lockConfigMapName('web') } }] } }],
    },
    status: {
      phase,
      initContainerStatuses: [
        {
          ...{ name: INIT_CONTAINER, image: 'app:1', restartCount: 0, state },
          ...(imageID === undefined ? {} : { imageID }),
          ...(lastState ? { lastState } : {}),
        },
      ],
    },
  }
}

export function ended(exitCode: number, message?: string): ContainerState {
  const times = { startedAt: '2026-01-01T11:59:00Z', finishedAt: '2026-01-01T11:59:30Z' }
  return { terminated: { exitCode, ...times, ...(message === undefined ? {} : { message }) } }
}

export function holderOf(pod: Pod, number: number, lock?: string): Holder {
  const { name, uid, labels } = pod.metadata
  const since = '2026-01-01T11:59:10.000Z'
  const revision = labels?.[REVISION_LABEL] ?? ''
  return { pod: name, uid, revision, number, since, ...(lock === undefined ? {} : { lock }) }
}

export function configMapOf(record: Partial<LockRecord> = {}, changes: Partial<ConfigMap> = {}): ConfigMap {
  return {
    metadata: {
      name: lockConfigMapName('web'),
      namespace: KEY.namespace,
      uid: 'uid of the record',
      resourceVersion: '3',
      labels: { [RECORD_LABEL]: DEPLOYMENT_RECORD },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'uid of web' }],
      managedFields: [{ manager: FIELD_MANAGER, fieldsV1: { 'f:data': { 'f:number': {}, 'f:holder': {} } } }],
    },
    data: formatRecord({ number: 4, holder: undefined, entries: {}, ...record }),
    ...changes,
  }
}

export function deploymentOf(annotations: Record<string, string> = {}): Deployment {
  return {
    metadata: {
      name: 'web',
      namespace: KEY.namespace,
      uid: 'uid of web',
      resourceVersion: '5',
      generation: 2,
      annotations: { [REVISION_ANNOTATION]: '1', ...annotations },
    },
    spec: { replicas: 2 },
    status: { observedGeneration: 2 },
  }
}

export function replicaSetOf(revision = 'a', rollout = '1'): ReplicaSet {
  return {
    metadata: {
      name: `web-${revision}`,
      namespace: KEY.namespace,
      uid: `rs ${revision}`,
      resourceVersion: '1',
      labels: { [REVISION_LABEL]: revision },
      annotations: { [REVISION_ANNOTATION]: rollout },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'uid of web', controller: true },
      ],
    },
  }
}

/** A lock as read, with these pods seen live. */
export function snapshotOf(
  record: Partial<LockRecord>,
  pods: readonly Pod[],
  changes: Partial<Snapshot> = {},
): Snapshot {
  const full: LockRecord = { number: 4, holder: undefined, entries: {}, ...record }
  return {
    key: KEY,
    configMap: configMapOf(full),
    read: { kind: 'record', record: full },
    deployment: deploymentOf(),
    replicaSets: [replicaSetOf()],
    settings: {},
    pods: new Map(pods.map((pod) => [pod.metadata.name, { pod, isLive: true }])),
    named: undefined,
    markedForGood: new Set(),
    ...changes,
  }
}

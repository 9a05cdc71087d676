/** The parts of Kubernetes' objects that the controller reads or writes, as they are in JSON: times are RFC 3339 strings. */

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

export interface Metadata {
  name: string
  namespace: string
  uid: string
  /** Opaque. Sent back in a write, it makes that write a compare-and-swap. */
  resourceVersion: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  /** Who set which field last. The controller tells by it that a lock was edited by hand: don't strip it in a reader. */
  managedFields?: ManagedFields[]
}

/** https://kubernetes.io/docs/reference/using-api/server-side-apply/#managed-fields */
export interface ManagedFields {
  manager?: string
  operation?: string
  subresource?: string
  /** Nested mappings whose keys are `f:NAME`. */
  fieldsV1?: FieldSet
}

export interface FieldSet {
  [field: string]: FieldSet
}

export interface Terminated {
  exitCode: number
  signal?: number
  reason?: string
  /** What the container left in its termination message file. */
  message?: string
  startedAt?: string
  finishedAt?: string
  containerID?: string
}

export interface ContainerState {
  waiting?: { reason?: string; message?: string }
  running?: { startedAt?: string }
  terminated?: Terminated
}

export interface ContainerStatus {
  name: string
  image?: string
  imageID?: string
  containerID?: string
  restartCount: number
  ready?: boolean
  started?: boolean
  state?: ContainerState
  lastState?: ContainerState
}

export interface Volume {
  name: string
  projected?: { sources?: { configMap?: { name?: string; optional?: boolean } }[] }
}

export interface Pod {
  metadata: Metadata
  spec: {
    nodeName?: string
    initContainers?: { name: string; image?: string }[]
    volumes?: Volume[]
  }
  status?: {
    phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'
    reason?: string
    initContainerStatuses?: ContainerStatus[]
  }
}

export interface ConfigMap {
  metadata: Metadata
  data?: Record<string, string>
}

export interface Deployment {
  metadata: Metadata
  spec: { replicas?: number; paused?: boolean; selector?: { matchLabels?: Record<string, string> } }
  status?: { observedGeneration?: number }
}

export interface ReplicaSet {
  metadata: Metadata
  spec?: { replicas?: number }
}

export interface Lease {
  metadata: Metadata
  spec?: {
    holderIdentity?: string
    leaseDurationSeconds?: number
    acquireTime?: string
    renewTime?: string
    leaseTransitions?: number
  }
}

export interface Objects {
  Pod: Pod
  ConfigMap: ConfigMap
  Deployment: Deployment
  ReplicaSet: ReplicaSet
  Lease: Lease
}

export type Kind = keyof Objects

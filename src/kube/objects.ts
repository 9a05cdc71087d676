/** The parts of Kubernetes' objects that the controller reads or writes, as they are in JSON: times are RFC 3339 strings. */
export interface Objects {
  Event: Event
  Pod: Pod
  ConfigMap: ConfigMap
  Secret: Secret
  Deployment: Deployment
  ReplicaSet: ReplicaSet
  Lease: Lease
  Namespace: Namespace
  Node: Node
}

export type Kind = keyof Objects

/** Kinds of objects that are in no namespace. */
export type ClusterKind = 'MutatingWebhookConfiguration'

export interface Metadata {
  name: string
  namespace: string
  uid: string
  /** Opaque. Sent back in a write, it makes that write a compare-and-swap. */
  resourceVersion: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  deletionGracePeriodSeconds?: number
  finalizers?: string[]
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  /** Who set which field last. The controller tells by it that a lock was edited by hand: don't strip it in a reader. */
  managedFields?: ManagedFields[]
}

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
}

/** https://kubernetes.io/docs/reference/using-api/server-side-apply/#managed-fields */
interface ManagedFields {
  manager?: string
  operation?: string
  subresource?: string
  /** When it wrote last. */
  time?: string
  /** Nested mappings whose keys are `f:NAME`. */
  fieldsV1?: FieldSet
}

interface FieldSet {
  [field: string]: FieldSet
}

export interface Pod {
  metadata: Metadata
  spec: {
    nodeName?: string
    terminationGracePeriodSeconds?: number
    initContainers?: { name: string; image?: string }[]
    volumes?: { name: string; projected?: { sources?: { configMap?: { name?: string; optional?: boolean } }[] } }[]
  }
  status?: {
    phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'
    reason?: string
    conditions?: Condition[]
    initContainerStatuses?: ContainerStatus[]
  }
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

export interface ContainerState {
  waiting?: { reason?: string; message?: string }
  running?: { startedAt?: string }
  terminated?: Terminated
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

/** Of a pod, a node or a Deployment. */
interface Condition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  reason?: string
  message?: string
  lastTransitionTime?: string
}

export interface ConfigMap {
  metadata: Metadata
  data?: Record<string, string>
}

export interface Secret {
  metadata: Metadata
  type?: string
  /** Values in base64. */
  data?: Record<string, string>
}

export interface Deployment {
  metadata: Metadata
  spec: { replicas?: number; paused?: boolean; selector?: { matchLabels?: Record<string, string> } }
  status?: {
    observedGeneration?: number
    /** All pods of it that are not being deleted; those of its newest revision; those that are available. */
    replicas?: number
    updatedReplicas?: number
    availableReplicas?: number
    conditions?: Condition[]
  }
}

/** Its template, which holds the wrapper in full, is never fetched. */
export interface ReplicaSet {
  metadata: Metadata
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

/** Only its labels matter. */
interface Namespace {
  metadata: Metadata
}

export interface Node {
  metadata: Metadata
  status?: {
    conditions?: Condition[]
    nodeInfo?: { architecture?: string; containerRuntimeVersion?: string }
  }
}

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ */
export interface Event {
  metadata: Metadata
  /** With microseconds. */
  eventTime: string
  series?: { count: number; lastObservedTime: string }
  reportingController: string
  reportingInstance: string
  action: string
  reason: string
  regarding: { apiVersion: string; kind: string; namespace: string; name: string; uid: string }
  note: string
  type: 'Normal' | 'Warning'
}

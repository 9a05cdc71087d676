import { createHash } from 'node:crypto'

/** Every name that is written into a cluster, in one place. */

export const PREFIX = 'migrate.io/'

/** Written by the webhook on the Deployment: version, container, and what the strategy was. */
export const INJECTED_ANNOTATION = `${PREFIX}injected`
/** Written by the controller on a pod: empty, `run <n>`, `wait <n>` or `skip`. Never in a template. */
export const GRANT_ANNOTATION = `${PREFIX}grant`
/** Written by the controller on a pod that has not acted on its grant yet: for which grant. Never in a template. */
export const NUDGE_ANNOTATION = `${PREFIX}nudge`
/** On pod templates: which protocol the wrapper in them speaks. Wrappers live for years. */
export const PROTOCOL_LABEL = `${PREFIX}protocol`
export const PROTOCOL = '1'
/** On namespaces: `enabled` opts in. */
export const INJECTION_LABEL = `${PREFIX}injection`

/** On our ConfigMaps: which of the two kinds it is. The controller lists all of ours by it. */
export const RECORD_LABEL = `${PREFIX}record`
/** Lock and record of one Deployment. */
export const DEPLOYMENT_RECORD = 'deployment'
/** A lock that several Deployments name. */
export const NAMED_LOCK_RECORD = 'lock'
/**
 * On our ConfigMaps, for tools that would act on what is written there. The label: Velero leaves them out of backups, since a
 * record that comes back would count revisions as migrated on another database. The annotations: Stakater's Reloader and
 * Flagger don't take a write for a change of the app's configuration, which each answers with a rollout.
 * https://velero.io/docs/v1.19/resource-filtering/#veleroioexclude-from-backuptrue
 * https://docs.stakater.com/reloader/1.4/reference/annotations.html
 * https://docs.flagger.app/usage/how-it-works#canary-target
 */
export const RECORD_MARKS = {
  labels: { 'velero.io/exclude-from-backup': 'true' },
  annotations: { 'reloader.stakater.com/ignore': 'true', 'flagger.app/config-tracking': 'disabled' },
} as const
/** Whose writes the controller's are: tells them from edits by hand. */
export const FIELD_MANAGER = 'migrate-io'

/** Written by the controller on a pod that holds the lock: which of the autoscalers' marks are its own. */
export const MARKS_ANNOTATION = `${PREFIX}autoscaler-marks`
/** What keeps the autoscalers away from a pod: the cluster autoscaler's mark and Karpenter's. */
export const AUTOSCALER_MARKS = {
  'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
  'karpenter.sh/do-not-disrupt': 'true',
} as const

/** The Deployment controller's own: which rollout a Deployment is in, and a ReplicaSet belongs to. */
export const REVISION_ANNOTATION = 'deployment.kubernetes.io/revision'
/** The Deployment controller's own, on ReplicaSets and pods: the revision as wrapper and record name it. */
export const REVISION_LABEL = 'pod-template-hash'

export const INIT_CONTAINER = 'migrate-io'
/** Projected, read-only: the grant, the revision, the record. */
export const FILES_VOLUME = 'migrate-io'
export const FILES_PATH = '/run/migrate.io'
/** emptyDir on disk: the run numbers that the pod has claimed. */
export const STATE_VOLUME = 'migrate-io-state'
export const STATE_PATH = '/run/migrate.io-state'
/**
 * The termination message, in which the wrapper leaves its run number. Not at the default, /dev/termination-log, to which
 * commands write; and in /dev, which the runtime makes anew for each container, also with a read-only root.
 */
export const MESSAGE_PATH = '/dev/migrate.io-message'

/** The cluster autoscaler's list of local volumes that do not hold a node back. */
export const SAFE_TO_EVICT_VOLUMES_ANNOTATION = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes'
/** Of a pod, with the name of a container behind it: its AppArmor profile, as before Kubernetes 1.30. */
export const APPARMOR_PREFIX = 'container.apparmor.security.beta.kubernetes.io/'
/** kubectl's own: which container is meant where none is named. */
export const DEFAULT_CONTAINER_ANNOTATION = 'kubectl.kubernetes.io/default-container'

const LOCK_SUFFIX = '.migrate-io'
/** Longest name of an object that is a DNS subdomain (RFC 1123). */
const MAX_NAME_LENGTH = 253
const KEPT_LENGTH = 200
const HASH_LENGTH = 10

/**
 * The ConfigMap that holds the lock and the record of a Deployment.
 * A name that would be too long keeps its first 200 characters, followed by ten hex digits of its sha256.
 */
export function lockConfigMapName(deploymentName: string): string {
  const name = `deployment.${deploymentName}`
  if (name.length + LOCK_SUFFIX.length <= MAX_NAME_LENGTH) return name + LOCK_SUFFIX
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH)
  // A part between dots must not end in a dash nor begin with one.
  const kept = name.slice(0, KEPT_LENGTH).replace(/[.-]+$/, '')
  return `${kept}-${hash}${LOCK_SUFFIX}`
}

/** The ConfigMap of a lock that Deployments name by `migrate.io/lock`: a DNS label, so never too long. */
export function namedLockConfigMapName(lock: string): string {
  return `lock.${lock}${LOCK_SUFFIX}`
}

/** Where migrate.io itself is installed, and the Lease there by which its controllers elect a leader. */
export const NAMESPACE = 'migrate-io'
export const LEADER_LEASE = 'migrate-io-controller'

/** The Service by which the API server reaches the webhook, and the Secret with what the webhook serves there. */
export const WEBHOOK_SERVICE = 'migrate-io-webhook'
export const WEBHOOK_TLS_SECRET = 'migrate-io-webhook-tls'
/** The MutatingWebhookConfiguration. */
export const WEBHOOK_CONFIGURATION = 'migrate-io'

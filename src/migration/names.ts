import { createHash } from 'node:crypto'

/** Every name that is written into a cluster, in one place. */

export const PREFIX = 'migrate.io/'

/** Written by the webhook on the Deployment: version, container, and what the strategy was. */
export const INJECTED_ANNOTATION = `${PREFIX}injected`
/** Written by the controller on a pod: empty, `run <n>`, `wait <n>` or `skip`. Never in a template. */
export const GRANT_ANNOTATION = `${PREFIX}grant`
/** On pod templates: which protocol the wrapper in them speaks. Wrappers live for years. */
export const PROTOCOL_LABEL = `${PREFIX}protocol`
export const PROTOCOL = '1'
/** On namespaces: `enabled` opts in. */
export const INJECTION_LABEL = `${PREFIX}injection`

export const INIT_CONTAINER = 'migrate-io'
/** Projected, read-only: the grant, the revision, the record. */
export const FILES_VOLUME = 'migrate-io'
export const FILES_PATH = '/run/migrate.io'
/** emptyDir on disk: the run numbers that the pod has claimed. */
export const STATE_VOLUME = 'migrate-io-state'
export const STATE_PATH = '/run/migrate.io-state'

/** The cluster autoscaler's list of local volumes that do not hold a node back. */
export const SAFE_TO_EVICT_VOLUMES_ANNOTATION = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes'
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

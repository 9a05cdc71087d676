import type { ClusterKind, Kind } from './objects.ts'

const JSON_TYPE = 'application/json'
/** Of a DNS subdomain, which most names are. */
const NAME_MAX_CHARACTERS = 253

interface Resource {
  readonly apiVersion: string
  /** As in an RBAC rule: empty for the core group. */
  readonly group: string
  readonly plural: string
  /** Nothing but its metadata is ever read, and so nothing else is asked for. */
  readonly isMetadataOnly?: true
}

/** Where each kind that we use lives in the API. */
export const RESOURCES: Readonly<Record<Kind | ClusterKind, Resource>> = {
  Pod: { apiVersion: 'v1', group: '', plural: 'pods' },
  ConfigMap: { apiVersion: 'v1', group: '', plural: 'configmaps' },
  Secret: { apiVersion: 'v1', group: '', plural: 'secrets' },
  Deployment: { apiVersion: 'apps/v1', group: 'apps', plural: 'deployments' },
  ReplicaSet: { apiVersion: 'apps/v1', group: 'apps', plural: 'replicasets', isMetadataOnly: true },
  Event: { apiVersion: 'events.k8s.io/v1', group: 'events.k8s.io', plural: 'events' },
  Lease: { apiVersion: 'coordination.k8s.io/v1', group: 'coordination.k8s.io', plural: 'leases' },
  Namespace: { apiVersion: 'v1', group: '', plural: 'namespaces', isMetadataOnly: true },
  Node: { apiVersion: 'v1', group: '', plural: 'nodes' },
  MutatingWebhookConfiguration: {
    apiVersion: 'admissionregistration.k8s.io/v1',
    group: 'admissionregistration.k8s.io',
    plural: 'mutatingwebhookconfigurations',
  },
}

interface Place {
  /** All namespaces when left out, or none where the kind is in none. */
  readonly namespace?: string | undefined
  /** The collection when left out. */
  readonly name?: string | undefined
  readonly subresource?: string | undefined
}

/** The path of an object or a collection. Names are encoded, so that none can reach another path. */
export function pathOf(kind: Kind | ClusterKind, { namespace, name, subresource }: Place): string {
  const { apiVersion, group, plural } = RESOURCES[kind]
  const parts = [group === '' ? 'api' : 'apis', apiVersion]
  if (namespace !== undefined) parts.push('namespaces', encodeURIComponent(namespace))
  parts.push(plural)
  if (name !== undefined) parts.push(encodeURIComponent(name))
  if (subresource !== undefined) parts.push(subresource)
  return `/${parts.join('/')}`
}

/**
 * In which form an object or a list of them is asked for, and the kind that the answer then says it is.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
 */
export function formOf(kind: Kind, what: 'object' | 'list'): { readonly accept: string; readonly kind: string } {
  const suffix = what === 'list' ? 'List' : ''
  if (RESOURCES[kind].isMetadataOnly !== true) return { accept: JSON_TYPE, kind: kind + suffix }
  const partial = `PartialObjectMetadata${suffix}`
  return { accept: `${JSON_TYPE};as=${partial};g=meta.k8s.io;v=v1`, kind: partial }
}

/**
 * Whether there may be an object of this name at all, of the kinds above. Names come from owner references and ConfigMaps that
 * anyone may write; asked for what is none, the API server says that it knows no such path, and not that there is no such
 * object, so that it would be asked again and again.
 */
export function isObjectName(name: string): boolean {
  return name.length <= NAME_MAX_CHARACTERS && /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/.test(name)
}

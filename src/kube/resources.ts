import type { Kind } from './objects.ts'

export interface Resource {
  readonly apiVersion: string
  /** As in an RBAC rule: empty for the core group. */
  readonly group: string
  readonly plural: string
}

/** Where each kind that we use lives in the API. */
export const RESOURCES: Readonly<Record<Kind, Resource>> = {
  Pod: { apiVersion: 'v1', group: '', plural: 'pods' },
  ConfigMap: { apiVersion: 'v1', group: '', plural: 'configmaps' },
  Deployment: { apiVersion: 'apps/v1', group: 'apps', plural: 'deployments' },
  ReplicaSet: { apiVersion: 'apps/v1', group: 'apps', plural: 'replicasets' },
  Lease: { apiVersion: 'coordination.k8s.io/v1', group: 'coordination.k8s.io', plural: 'leases' },
}

export interface Place {
  /** All namespaces when left out. */
  readonly namespace?: string | undefined
  /** The collection when left out. */
  readonly name?: string | undefined
  readonly subresource?: string | undefined
}

/** The path of an object or a collection. Names are encoded, so that none can reach another path. */
export function pathOf(kind: Kind, { namespace, name, subresource }: Place): string {
  const { apiVersion, group, plural } = RESOURCES[kind]
  const parts = [group === '' ? 'api' : 'apis', apiVersion]
  if (namespace !== undefined) parts.push('namespaces', encodeURIComponent(namespace))
  parts.push(plural)
  if (name !== undefined) parts.push(encodeURIComponent(name))
  if (subresource !== undefined) parts.push(subresource)
  return `/${parts.join('/')}`
}

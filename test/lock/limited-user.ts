import { join } from 'node:path'
import { issue } from '../cluster/authority.ts'
import { pkiFiles } from '../cluster/certificates.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { writeKubeconfig } from '../cluster/kubeconfig.ts'

export interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

/** All that the controller needs, by what it is about. */
export const RULES = {
  pods: { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
  grants: { apiGroups: [''], resources: ['pods/status'], verbs: ['patch'] },
  records: { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'create', 'update'] },
  rollouts: { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs: ['get', 'list'] },
  leases: { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
} as const satisfies Record<string, Rule>

/** A user with a certificate and a role of its own. */
export interface LimitedUser {
  readonly kubeconfig: string
  /** From now on it may do this, and nothing else. Takes effect within a second. */
  allow(rules: readonly Rule[]): Promise<void>
}

export async function makeLimitedUser(
  cluster: Pick<Cluster, 'folder' | 'url' | 'kubectl'>,
  name: string,
): Promise<LimitedUser> {
  const file = (ending: string) => join(cluster.folder, `${name}.${ending}`)
  const pair = { certificate: file('crt'), key: file('key') }
  await issue(pkiFiles(cluster.folder).ca, pair, { subject: `CN=${name}` })
  writeKubeconfig(file('kubeconfig'), cluster.folder, cluster.url, pair)
  const apiVersion = 'rbac.authorization.k8s.io/v1'
  const apply = async (object: object) => {
    await cluster.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion, metadata: { name }, ...object }),
    })
  }
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name }
  await apply({ kind: 'ClusterRoleBinding', roleRef, subjects: [{ kind: 'User', name }] })
  return {
    kubeconfig: file('kubeconfig'),
    allow: (rules) => apply({ kind: 'ClusterRole', rules }),
  }
}

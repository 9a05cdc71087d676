import { join } from 'node:path'
import { issue } from '../cluster/authority.ts'
import { pkiFiles } from '../cluster/certificates.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { writeKubeconfig } from '../cluster/kubeconfig.ts'
import type { Rule } from '../deploy/rules.ts'

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

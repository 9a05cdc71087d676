import assert from 'node:assert/strict'
import type { Pod } from '../../../../src/kube/objects.ts'
import { MIGRATE_IO_NAME } from '../../../support/cluster/images/migrate-io.ts'
import { until } from '../../../support/until.ts'
import type { Site } from '../site.ts'

const LIMIT_MS = 180_000
/** What docs/how-to/uninstall.md says it needs. */
const RULES = [
  { apiGroups: ['apps'], resources: ['deployments'], verbs: ['list', 'get', 'update'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
  { apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'delete'] },
]

/** `migrate-io uninject -A --yes` in a pod of our image, with the rights that it needs; what it wrote. Leaves nothing behind. */
export async function uninjectAll({ cluster }: Site): Promise<string> {
  const name = 'leaving'
  const named = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name } }
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name }
  const metadata = { name, namespace: name }
  const account = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { ...named, kind: 'ClusterRole', rules: RULES },
    { ...named, kind: 'ClusterRoleBinding', roleRef, subjects: [{ kind: 'ServiceAccount', ...metadata }] },
  ]
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: {
      restartPolicy: 'Never',
      serviceAccountName: name,
      containers: [{ name: 'main', image: MIGRATE_IO_NAME, args: ['uninject', '-A', '--yes'] }],
    },
  }
  const send = (verb: string, items: readonly object[]) =>
    cluster.kubectl([verb, '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) })
  await send('create', account)
  await send('create', [pod])
  try {
    const look = async () => (await cluster.get<Pod>(`/api/v1/namespaces/${name}/pods/${name}`)).body
    const ended = await until('uninject has ended', look, {
      limitMs: LIMIT_MS,
      accept: ({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed',
    })
    const written = await cluster.logs(name, { namespace: name })
    assert.equal(ended.status?.phase, 'Succeeded', written)
    return written
  } finally {
    await send('delete', account)
  }
}

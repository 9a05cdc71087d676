import { DEPLOYMENTS, NAMESPACE, type Site } from './site.ts'

/**
 * From now on the node takes our own pods only, so that those of tests stay pending, as where there is no node: their images
 * don't exist, and hundreds of them would find no room.
 */
export async function keepNodeForOurs({ cluster }: Site): Promise<void> {
  const key = 'node.kubernetes.io/unschedulable'
  const patch = { spec: { template: { spec: { tolerations: [{ key, operator: 'Exists', effect: 'NoSchedule' }] } } } }
  const ours = (verb: string, deployment: string, ...args: string[]) =>
    cluster.kubectl([`--namespace=${NAMESPACE}`, ...verb.split(' '), `deployment/${deployment}`, ...args])
  for (const each of DEPLOYMENTS) await ours('patch', each, `--patch=${JSON.stringify(patch)}`)
  for (const { name } of cluster.nodes) await cluster.kubectl(['cordon', name])
  for (const each of DEPLOYMENTS) await ours('rollout status', each, '--timeout=120s')
}

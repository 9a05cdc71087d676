import assert from 'node:assert/strict'
import { after } from 'node:test'
import { startCluster } from '../cluster/cluster.ts'
import { flask } from '../installation/deployment.ts'
import { apply, assertDone, CONTROLLER, callsAs, makeNamespace, policiesAmong, untilAnswered } from './apply.ts'
import { kustomized } from './rendered.ts'

export const GRANT = 'migrate.io/grant'
const EDITOR = 'editor'

/** A cluster of one test file's own, since policies are the whole cluster's, with our accounts, rules and policies. */
export async function policyStage() {
  const cluster = await startCluster()
  after(() => cluster.stop())
  const rendered = await kustomized('self-managed')
  const policies = policiesAmong(rendered)
  const accounts = rendered.filter(({ kind }) => /^(Namespace|ServiceAccount|ClusterRole|Role)/.test(kind))
  await apply(cluster, [...accounts, ...policies])
  const served = await makeNamespace(cluster, { 'migrate.io/injection': 'enabled' })
  await cluster.kubectl(['create', 'rolebinding', 'editor', '-n', served, '--clusterrole=edit', `--user=${EDITOR}`])
  const calls = {
    admin: callsAs(cluster),
    /** May do in the namespace what Kubernetes' own role `edit` allows. */
    editor: callsAs(cluster, EDITOR),
    controller: callsAs(cluster, CONTROLLER),
  }
  const paths = {
    pods: `/api/v1/namespaces/${served}/pods`,
    deployments: `/apis/apps/v1/namespaces/${served}/deployments`,
    configMaps: `/api/v1/namespaces/${served}/configmaps`,
  }
  const makePod = async (metadata: object = {}) =>
    assertDone(await calls.admin.post(paths.pods, podManifest(metadata)), 'a pod').metadata.name

  /** Returns when the API server goes by all of the policies, broken ones included: it takes them up one by one. */
  async function untilInForce(): Promise<void> {
    const { editor, controller } = calls
    const name = await makePod()
    const isDenied = (status: number) => status === 403 || status === 422
    const grant = { annotations: { [GRANT]: 'run 1' } }
    await untilAnswered('one is in force', () => editor.post(paths.pods, podManifest(grant)), isDenied)
    const foreign = annotations({ foreign: 'a' })
    await untilAnswered('one', () => controller.patch(`${paths.pods}/${name}/status?dryRun=All`, foreign), isDenied)
    await untilAnswered('one', () => controller.post(paths.configMaps, { metadata: { name: 'probe' } }), isDenied)
    const record = { metadata: { name: 'deployment.probe.migrate-io' } }
    await untilAnswered('one', () => editor.post(`${paths.configMaps}?dryRun=All`, record), isDenied)
    await untilAnswered('one', () => editor.post(`${paths.deployments}?dryRun=All`, flask('probe')), isDenied)
  }
  await untilInForce()
  return { cluster, served, policies, ...calls, ...paths, makePod, untilInForce }
}

export function podManifest(metadata: object = {}): object {
  const spec = { containers: [{ name: 'app', image: 'app:1' }] }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'pod-', ...metadata }, spec }
}

/** A merge patch. */
export function annotations(values: Record<string, string | null>): object {
  return { metadata: { annotations: values } }
}

/** As many annotations as that. */
export function manyAnnotations(count: number): Record<string, string> {
  const annotations = Object.fromEntries(Array.from({ length: count }, (_, index) => [`example.com/${index}`, 'x']))
  assert.ok(JSON.stringify(annotations).length < 256 * 1024, 'more than a pod may have')
  return annotations
}

import type { JsonObject } from '../../src/json.ts'
import { startCluster } from '../support/cluster/cluster.ts'
import { installWebhook } from '../support/installation/install.ts'
import { root } from '../support/tooling/root.ts'
import { asWritten, MANIFEST } from './example.ts'
import { showCommand, showDifference, showStep, showText } from './show.ts'

const NAMESPACE = 'shop'

/** What is admitted, kept, followed, refused and taken off, on an API server without nodes. */
export async function demoOfAdmission({ keep }: { keep: boolean }): Promise<void> {
  showStep('Start etcd and kube-apiserver')
  const started = performance.now()
  await using cluster = await startCluster({ hasControllers: false })
  const { body: version } = await cluster.get<{ gitVersion: string }>('/version')
  showText(`Kubernetes ${version.gitVersion}, ready after ${((performance.now() - started) / 1000).toFixed(1)} s`)

  showStep('Start the webhook, and tell the API server about it (deploy/base)')
  await using installation = await installWebhook(cluster)
  showText(
    `${installation.webhook.url}, asked about annotated Deployments in namespaces labelled migrate.io/injection=enabled`,
  )

  showStep('Two namespaces, one of which opts in')
  await kubectl('create', 'namespace', NAMESPACE)
  await kubectl('label', 'namespace', NAMESPACE, 'migrate.io/injection=enabled')
  await kubectl('create', 'namespace', 'elsewhere')

  showStep('Apply the Flask app of examples/flask, with one annotation')
  await kubectl('apply', '-n', NAMESPACE, '-f', MANIFEST)
  await kubectl('apply', '-n', 'elsewhere', '-f', MANIFEST)
  showText('What is stored in the namespace that opted in, against what is stored in the other:')
  const injected = await stored(NAMESPACE)
  showDifference(await stored('elsewhere'), injected)

  showStep('Change the image: the init container follows')
  await kubectl('set', 'image', '-n', NAMESPACE, 'deployment/flask', 'flask=docker.io/project/my-flask-app:2')
  const changed = await stored(NAMESPACE)
  showDifference(injected, changed)

  showStep('Change nothing in the template: it stays byte for byte, so nothing is rolled out')
  const before = await template()
  await kubectl('annotate', '-n', NAMESPACE, 'deployment/flask', 'team=shop')
  await kubectl('scale', '-n', NAMESPACE, 'deployment/flask', '--replicas=5')
  showText(`the pod template: ${(await template()) === before ? 'the same' : 'another'}`)

  showStep('Misspell an annotation')
  await kubectl('annotate', '-n', NAMESPACE, 'deployment/flask', 'migrate.io/tiemout=5x')

  showStep('Remove the annotation: all of it goes, and the strategy is what it was')
  await kubectl('annotate', '-n', NAMESPACE, 'deployment/flask', 'migrate.io/command-')
  showDifference(changed, await stored(NAMESPACE))

  showStep('A Deployment without the annotation never leaves the API server')
  const asked = await installation.calls()
  await kubectl('create', 'deployment', 'plain', '-n', NAMESPACE, '--image=docker.io/project/plain:1')
  showText(`the API server asked the webhook ${asked} times before that, and ${await installation.calls()} times now`)

  if (keep) {
    process.stdout.write('\nIt goes on until Ctrl-C. In another terminal:\n')
    showText(`export KUBECONFIG=${cluster.kubeconfig}`)
    showText(`kubectl get deployments -n ${NAMESPACE} -o yaml`)
    await new Promise((resolve) => process.once('SIGINT', resolve))
  }

  async function kubectl(...args: readonly string[]): Promise<void> {
    showCommand(args)
    const paths = args.map((arg) => (arg === MANIFEST ? `${root}/${MANIFEST}` : arg))
    const { stdout, stderr } = await cluster.kubectl(paths, { allowFailure: true })
    showText(stderr + stdout)
  }

  /** What a ReplicaSet would be made of. */
  async function template(): Promise<string> {
    const options = ['-n', NAMESPACE, '-o', 'jsonpath={.spec.template}']
    return (await cluster.kubectl(['get', 'deployment/flask', ...options])).stdout
  }

  async function stored(namespace: string): Promise<JsonObject> {
    const { stdout } = await cluster.kubectl(['get', 'deployment/flask', '-n', namespace, '-o', 'json'])
    return asWritten(JSON.parse(stdout))
  }
}

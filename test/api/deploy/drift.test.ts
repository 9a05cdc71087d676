import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startCluster } from '../../support/cluster/cluster.ts'
import { makeNamespace } from '../../support/deploy/apply.ts'
import { DEFAULT_STRATEGY, flask, type Manifest } from '../../support/installation/deployment.ts'
import { installWebhook } from '../../support/installation/install.ts'
import { until } from '../../support/until.ts'

const LIMIT_MS = 30_000

const cluster = await startCluster()
const installation = await installWebhook(cluster)
after(async () => {
  await installation.stop()
  await cluster.stop()
})
const namespace = await makeNamespace(cluster, { 'migrate.io/injection': 'enabled' })
await installation.untilOptedIn(namespace)

type Change = (manifest: Manifest) => void

function annotated(settings: Record<string, string>, { metadata }: Manifest): void {
  for (const [name, value] of Object.entries(settings))
    metadata.annotations = { ...metadata.annotations, [`migrate.io/${name}`]: value }
}

const SAME: Record<string, Change> = {
  plain: () => {},
  settings: (manifest) => annotated({ timeout: '1h', lock: 'db' }, manifest),
  lists: ({ spec }) => {
    spec.template.spec.initContainers = [{ name: 'own', image: 'app:1' }]
    spec.template.spec.volumes = [{ name: 'own', emptyDir: {} }]
  },
  keep: (manifest) => {
    annotated({ strategy: 'keep' }, manifest)
    manifest.spec.strategy = DEFAULT_STRATEGY
  },
}
/** Where the manifest states what the webhook changes. */
const DIFFERENT: Record<string, Change> = {
  defaults: ({ spec }) => {
    spec.strategy = DEFAULT_STRATEGY
  },
  rolling: (manifest) => {
    annotated({ strategy: 'rolling' }, manifest)
    manifest.spec.strategy = { type: 'Recreate' }
  },
  deadline: (manifest) => {
    annotated({ timeout: '1h' }, manifest)
    manifest.spec.progressDeadlineSeconds = 600
  },
  volumes: ({ spec }) => {
    spec.template.metadata.annotations = { 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes': 'own' }
  },
}

async function apply(manifest: Manifest, flags: readonly string[]): Promise<void> {
  await cluster.kubectl(['apply', '-n', namespace, ...flags, '-f', '-'], { input: JSON.stringify(manifest) })
}

/** What `kubectl diff` finds; empty where there is nothing. */
async function drift(manifest: Manifest, flags: readonly string[]): Promise<string> {
  const options = { input: JSON.stringify(manifest), allowFailure: true }
  const { code, stdout, stderr } = await cluster.kubectl(['diff', '-n', namespace, ...flags, '-f', '-'], options)
  assert.ok(code < 2, stderr)
  return stdout
}

/** Right after an apply the controller manager still writes. */
async function untilNone(name: string, manifest: Manifest, flags: readonly string[]): Promise<void> {
  const look = () => drift(manifest, flags)
  await until(`${name} does not differ`, look, { limitMs: LIMIT_MS, accept: (difference) => difference === '' })
}

test('A4: Flux, which applies on the server and asks it for the difference, sees none', async () => {
  for (const [name, change] of Object.entries({ ...SAME, ...DIFFERENT })) {
    const manifest = flask(`flux-${name}`, change)
    await apply(manifest, ['--server-side'])
    await untilNone(name, manifest, ['--server-side'])
  }
})

test('A4: Argo CD, which merges by itself and asks no webhook, sees none but where the manifest states ours', async () => {
  const manifests = Object.entries({ ...SAME, ...DIFFERENT }).map(([name, change]) => flask(`argo-${name}`, change))
  for (const manifest of manifests) {
    await apply(manifest, [])
    await untilNone(manifest.metadata.name ?? '', manifest, [])
  }
  // kubectl has the server work out the difference, webhooks included; without one it is what Argo CD works out.
  await installation.stop()
  const compare = () => drift(flask('argo-defaults', DIFFERENT['defaults']), [])
  await until('no webhook is asked any more', compare, { limitMs: LIMIT_MS, accept: (difference) => difference !== '' })
  for (const manifest of manifests) {
    const name = manifest.metadata.name?.replace('argo-', '') ?? ''
    const difference = await drift(manifest, [])
    assert.equal(difference !== '', name in DIFFERENT, `${name}: ${difference}`)
  }
})

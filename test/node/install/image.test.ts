import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Pod } from '../../../src/kube/objects.ts'
import { busyboxImage } from '../../support/cluster/images/images.ts'
import { MIGRATE_IO_NAME } from '../../support/cluster/images/migrate-io.ts'
import type { Deployment } from '../../support/installation/deployment.ts'
import { assertInjected } from '../../support/installation/ours.ts'
import { app } from '../../support/node/app.ts'
import { until } from '../../support/until.ts'
import { DEPLOYMENTS, installOnNode, NAMESPACE } from './site.ts'

const LIMIT_MS = 60_000
const NODE = '/nodejs/bin/node'
const UID = 65532
const ROOM_MIB = 100 // what Node.js takes besides the heap: 60 for itself, and buffers

const site = await installOnNode()
after(() => site.stop())
const { cluster } = site

/** What PodSecurity `restricted` asks for, and a file system that nobody writes. */
const RESTRICTED = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
}

/** A pod of our image in our own namespace, where `restricted` is enforced; once it has ended or can't start. */
async function once(name: string, container: Record<string, unknown>): Promise<Pod> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      containers: [{ name: 'main', image: MIGRATE_IO_NAME, securityContext: RESTRICTED, ...container }],
    },
  }
  await cluster.kubectl([`--namespace=${NAMESPACE}`, 'create', '-f', '-'], { input: JSON.stringify(pod) })
  const look = async () => (await cluster.get<Pod>(`/api/v1/namespaces/${NAMESPACE}/pods/${name}`)).body
  const accept = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed'
  return until(`pod ${name} has ended`, look, { limitMs: LIMIT_MS, accept })
}

test('migrate-io --help runs in a restricted pod with a read-only root', async () => {
  assert.equal((await once('help', { args: ['--help'] })).status?.phase, 'Succeeded')
  assert.match(
    await cluster.logs('help', { namespace: NAMESPACE }),
    /^Usage: migrate-io .*\bCommands:.* webhook .* controller /s,
  )
})

test('the image has no shell', async () => {
  const pod = await once('shell', { command: ['/bin/sh', '-c', 'true'] })
  assert.match(JSON.stringify(pod.status), /exec: \\"\/bin\/sh\\": stat \/bin\/sh: no such file or directory/)
})

for (const deployment of DEPLOYMENTS) {
  test(`${deployment}: two pods, ready, not root, and they can't write to their own files`, async () => {
    const pods = await site.pods(deployment)
    assert.equal(pods.length, 2)
    for (const pod of pods) {
      const run = (script: string) => cluster.exec(pod, [NODE, '-p', script], { namespace: NAMESPACE })
      assert.equal((await run('process.getuid()')).trim(), `${UID}`)
      const write = `try { fs.writeFileSync('/app/dist/x', ''); 'written' } catch ({ code }) { code }`
      assert.equal((await run(write)).trim(), 'EROFS')
    }
  })
}

for (const deployment of DEPLOYMENTS) {
  test(`P2: the heap of ${deployment} ends before its container does`, async () => {
    const [pod = ''] = await site.pods(deployment)
    const script =
      '[v8.getHeapStatistics().heap_size_limit, process.constrainedMemory()].map((bytes) => bytes / 2 ** 20).join()'
    const [heapMib = 0, limitMib = 0] = (await cluster.exec(pod, [NODE, '-p', script], { namespace: NAMESPACE }))
      .split(',')
      .map(Number)
    assert.equal(limitMib, deployment === 'migrate-io-webhook' ? 256 : 512)
    assert.ok(heapMib > 100 && heapMib + ROOM_MIB < limitMib, `${heapMib} MiB of ${limitMib}`)
  })
}

test('S1: the webhook has no token', async () => {
  const [pod = ''] = await site.pods('migrate-io-webhook')
  const script = `fs.existsSync('/var/run/secrets/kubernetes.io')`
  assert.equal((await cluster.exec(pod, [NODE, '-p', script], { namespace: NAMESPACE })).trim(), 'false')
})

test('A1: an annotated Deployment is injected through the Service, migrates once and is recorded', async () => {
  const place = await site.place()
  const image = await busyboxImage()
  await cluster.loadImage(image.file)
  await place.send('apply', app('shop', { image: image.name, command: 'echo "migrated by $(id -u)"' }))
  assertInjected((await place.deployment('shop')) as Deployment)
  await place.kubectl(['rollout', 'status', 'deployment/shop', `--timeout=${LIMIT_MS / 1000}s`])
  const pod = await place.pod('shop')
  const written = await cluster.logs(pod.metadata.name, { namespace: place.name, container: 'migrate-io' })
  assert.match(written, /^migrated by 0$/m)
  const path = `/api/v1/namespaces/${place.name}/configmaps/deployment.shop.migrate-io`
  const { body } = await cluster.get<{ data: Record<string, string> }>(path)
  assert.equal(Object.keys(body.data).filter((key) => key.startsWith('completed.')).length, 1)
})

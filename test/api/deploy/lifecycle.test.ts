import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { VERSION } from '../../../src/version.ts'
import { startCluster } from '../../support/cluster/cluster.ts'
import { apply, assertDone, CONTROLLER, callsAs } from '../../support/deploy/apply.ts'
import { assertSameAs, everything } from '../../support/deploy/everything.ts'
import { type HelmResult, helm } from '../../support/deploy/helm.ts'
import { find, type Rendered } from '../../support/deploy/objects.ts'
import { CHART, kustomized, WAYS, type Way } from '../../support/deploy/rendered.ts'
import { certManagerCrds } from '../../support/deploy/schemas.ts'
import { until } from '../../support/until.ts'

const LIMIT_MS = 60_000
const CONFIGURATION = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/migrate-io'
const SECRET = '/api/v1/namespaces/migrate-io/secrets/migrate-io-webhook-tls'
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/migrate-io/leases/migrate-io-controller'
const CHECK_PODS = '/api/v1/namespaces/migrate-io/pods?labelSelector=app.kubernetes.io/component=uninstall-check'

// One of this file's own: it looks at everything that there is.
const cluster = await startCluster()
after(() => cluster.stop())
await cluster.kubectl(['create', 'namespace', 'migrate-io'])

interface Listed {
  readonly resources: readonly { readonly kind: string }[]
}

/** What the controller writes when it runs: the certificate, whom to trust for it, and who leads. */
async function actAsController(): Promise<void> {
  const controller = callsAs(cluster, CONTROLLER)
  const { body: secret } = await cluster.get<Rendered>(SECRET)
  const data = { 'tls.crt': 'Y2VydA==', 'tls.key': 'a2V5', 'ca.crt': 'Y2E=' }
  assertDone(await controller.put(`${SECRET}?fieldManager=migrate-io`, { ...secret, data }), 'the Secret')
  const { body: lease } = await cluster.get<Rendered>(LEASE)
  const spec = { holderIdentity: 'one', leaseDurationSeconds: 15 }
  assertDone(await controller.put(`${LEASE}?fieldManager=migrate-io`, { ...lease, spec }), 'the Lease')
  const webhooks = ['inject', 'strip'].map((name) => ({
    name: `${name}.migrate.io`,
    clientConfig: { caBundle: Buffer.from(cluster.ca).toString('base64') },
  }))
  const patched = await cluster.request(
    'PATCH',
    `${CONFIGURATION}?fieldManager=migrate-io`,
    { webhooks },
    {
      'content-type': 'application/strategic-merge-patch+json',
      'impersonate-user': CONTROLLER,
    },
  )
  assert.equal(patched.status, 200, JSON.stringify(patched.body))
}

/** What the controller wrote is still there. */
async function assertKept(): Promise<void> {
  const { body: configuration } = await cluster.get<{ webhooks: { clientConfig: { caBundle?: string } }[] }>(
    CONFIGURATION,
  )
  for (const { clientConfig } of configuration.webhooks) assert.ok(clientConfig.caBundle, 'caBundle is kept')
  const { body: secret } = await cluster.get<{ data?: Record<string, string> }>(SECRET)
  assert.equal(secret.data?.['tls.crt'], 'Y2VydA==')
  const { body: lease } = await cluster.get<{ spec?: { holderIdentity?: string } }>(LEASE)
  assert.equal(lease.spec?.holderIdentity, 'one')
}

function assertWorked({ code, stdout, stderr }: HelmResult): string {
  assert.equal(code, 0, stderr || stdout)
  return stdout
}

/** Nodes are missing here: the pod of the check ends as we say. */
async function endCheck(phase: 'Succeeded' | 'Failed'): Promise<void> {
  const look = async () => {
    const { body } = await cluster.get<{ items: { metadata: { name: string }; status: { phase: string } }[] }>(
      CHECK_PODS,
    )
    return body.items.find(({ status }) => status.phase === 'Pending')
  }
  const pod = await until('the check has a pod', look, { limitMs: LIMIT_MS })
  const path = `/api/v1/namespaces/migrate-io/pods/${pod.metadata.name}/status`
  assertDone(await callsAs(cluster).patch(path, { status: { phase } }), 'its end')
}

describe('kubectl', () => {
  for (const way of Object.keys(WAYS) as Way[])
    test(`a server-side dry run of everything: ${way}`, async () => {
      // Custom resources can't be had without their definitions, nor objects in a namespace that is only tried out.
      const objects = (await kustomized(way)).filter(({ kind }) => kind !== 'Namespace')
      if (way === 'cert-manager') {
        await apply(cluster, await certManagerCrds(), ['--server-side'])
        await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'])
        // What is established is in the API server's lists a moment later.
        await until('its kinds are listed', () => cluster.get<Listed>('/apis/cert-manager.io/v1'), {
          limitMs: LIMIT_MS,
          accept: ({ status, body }) => status === 200 && body.resources.some(({ kind }) => kind === 'Certificate'),
        })
      }
      await apply(cluster, objects, ['--server-side', '--dry-run=server', '--validate=strict'])
      await cluster.kubectl(['delete', 'crd', '--all'])
    })

  test('applied, applied again and deleted: the second time changes nothing, and nothing of ours stays', async () => {
    const before = await everything(cluster)
    const objects = (await kustomized('self-managed')).filter(({ kind }) => kind !== 'Namespace')
    await apply(cluster, objects)
    await actAsController()
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
    const path = '{range .items[*]}{.kind} {.metadata.name} {.metadata.generation}{"\\n"}{end}'
    const generations = async () =>
      (await cluster.kubectl(['get', '-f', '-', '-o', `jsonpath=${path}`], { input })).stdout
    const first = await generations()
    await apply(cluster, objects)
    assert.equal(await generations(), first)
    assert.match(first, /^Deployment migrate-io-webhook 1$/m)
    await assertKept()
    await cluster.kubectl(['delete', '-f', '-'], { input })
    await assertSameAs(cluster, before)
  })
})

describe('helm', () => {
  test('install, upgrade, uninstall: what the controller wrote outlives an upgrade, and nothing of ours stays', async () => {
    const before = await everything(cluster)
    const notes = assertWorked(await helm(cluster, ['install', 'migrate-io', CHART]))
    assert.match(notes, /kubectl label namespace NAMESPACE migrate\.io\/injection=enabled/)
    const installed = await everything(cluster)
    for (const { kind, metadata } of await kustomized('self-managed'))
      assert.ok(installed.includes(`${kind} ${metadata.namespace ?? ''}/${metadata.name}`), `${kind} ${metadata.name}`)
    await actAsController()
    assertWorked(await helm(cluster, ['upgrade', 'migrate-io', CHART, '--set', 'controller.replicas=3']))
    await assertKept()
    const { stdout } = await cluster.kubectl([
      'get',
      'deployments',
      '-n',
      'migrate-io',
      '-o',
      'jsonpath={.items[*].spec.replicas}',
    ])
    assert.equal(stdout, '3 2')

    const refused = helm(cluster, ['uninstall', 'migrate-io', '--timeout', '60s'])
    await endCheck('Failed')
    const { code, stderr } = await refused
    assert.notEqual(code, 0)
    assert.match(stderr, /migrate-io-uninstall-check/, stderr)
    await assertKept()

    const uninstalled = helm(cluster, ['uninstall', 'migrate-io', '--timeout', '60s'])
    await endCheck('Succeeded')
    assertWorked(await uninstalled)
    await assertSameAs(cluster, before)
  })

  test('forced: nothing is asked', async () => {
    const before = await everything(cluster)
    assertWorked(await helm(cluster, ['install', 'migrate-io', CHART, '--set', 'uninstall.force=true']))
    assertWorked(await helm(cluster, ['uninstall', 'migrate-io']))
    await assertSameAs(cluster, before)
  })

  test('the chart is what helm lints and packs', async () => {
    assertWorked(await helm(cluster, ['lint', '--strict', CHART]))
    const out = cluster.folder
    assert.match(
      assertWorked(await helm(cluster, ['package', CHART, '--destination', out])),
      /migrate-io-\d+\.\d+\.\d+\.tgz/,
    )
  })
})

test('image and chart have the version of this source', async () => {
  const { spec } = find<Rendered & { spec: { template: { spec: { containers: { image: string }[] } } } }>(
    await kustomized('self-managed'),
    'Deployment',
    'migrate-io-webhook',
  )
  assert.equal(spec.template.spec.containers[0]?.image, `ghcr.io/migrate-io/migrate-io:${VERSION}`)
  const shown = assertWorked(await helm(cluster, ['show', 'chart', CHART]))
  assert.match(shown, new RegExp(`^appVersion: ${VERSION}$`, 'm'))
  assert.match(shown, new RegExp(`^version: ${VERSION}$`, 'm'))
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { apply, assertDenied, assertDone, makeNamespace, untilAnswered } from '../../support/deploy/apply.ts'
import { find, type Rendered } from '../../support/deploy/objects.ts'
import { annotations, GRANT, manyAnnotations, podManifest, policyStage } from '../../support/deploy/policy-stage.ts'
import { flask, type Manifest, withoutAnnotations } from '../../support/installation/deployment.ts'

const { cluster, admin, editor, controller, policies, deployments, pods, configMaps, makePod } = await policyStage()

/** The manifest of a Deployment with our init container, as far as the policy looks. */
function injected(manifest: Manifest): void {
  manifest.spec.template.spec.initContainers = [{ name: 'migrate-io', image: 'app:1' }]
}

describe('an annotated Deployment without our init container, which no webhook was asked about', () => {
  const POLICY = 'migrate-io-injected'

  test('A1: it is refused in a namespace that opted in, with what to do', async () => {
    const message = assertDenied(await editor.post(deployments, flask('bare')), POLICY, 'a new one')
    assert.match(message, /MutatingWebhookConfiguration migrate-io exists and has failurePolicy Fail/)
    assertDone(await editor.post(deployments, flask('plain', withoutAnnotations)), 'without annotation')
    const annotate = await editor.patch(`${deployments}/plain`, annotations({ 'migrate.io/command': 'true' }))
    assertDenied(annotate, POLICY, 'annotated later')
    assertDone(await editor.post(deployments, flask('whole', injected)), 'with our container')
    const without = { spec: { template: { spec: { initContainers: null } } } }
    assertDenied(await editor.patch(`${deployments}/whole`, without), POLICY, 'taken off')
    assertDone(
      await editor.patch(`${deployments}/whole`, { ...without, ...annotations({ 'migrate.io/command': null }) }),
      'both',
    )
  })

  test('A1: not elsewhere', async () => {
    const other = await makeNamespace(cluster)
    const path = `/apis/apps/v1/namespaces/${other}/deployments`
    assertDone(await admin.post(path, flask('bare')), 'in a namespace that did not opt in')
    await cluster.kubectl(['label', 'namespace', 'migrate-io', 'migrate.io/injection=enabled'])
    assertDone(await admin.post('/apis/apps/v1/namespaces/migrate-io/deployments', flask('bare')), 'in our own')
  })

  test('A8, A11: what was so before the namespace opted in may be scaled, labelled, changed and deleted', async () => {
    const late = await makeNamespace(cluster)
    const path = `/apis/apps/v1/namespaces/${late}/deployments`
    const held = (manifest: Manifest) => Object.assign(manifest.metadata, { finalizers: ['example.com/held'] })
    assertDone(await admin.post(path, flask('early', held)), 'before')
    await cluster.kubectl(['label', 'namespace', late, 'migrate.io/injection=enabled'])
    const denied = () => admin.post(`${path}?dryRun=All`, flask('other'))
    await untilAnswered('the namespace is served', denied, (status) => status === 422)
    assertDone(await admin.patch(`${path}/early`, { metadata: { labels: { note: 'a' } } }), 'a label')
    assertDone(await admin.patch(`${path}/early/scale`, { spec: { replicas: 5 } }), 'the scale')
    assertDone(await admin.patch(`${path}/early/status`, { status: { collisionCount: 1 } }), 'the status')
    await cluster.kubectl(['delete', 'deployment', 'early', '-n', late, '--wait=false'])
    assertDone(await admin.patch(`${path}/early`, { metadata: { finalizers: null } }), 'its finalizer')
  })
})

describe('a policy that is broken', () => {
  /** Reads a key that no object has, which ends the expression with an error. */
  const ERROR = "object.metadata.annotations['no-such-key'] == ''"

  const NAMES = ['injected', 'grant', 'records', 'controller-pods', 'controller-objects'].map(
    (name) => `migrate-io-${name}`,
  )

  interface Policy extends Rendered {
    spec: { validations: { expression: string }[]; matchConditions: { name: string; expression: string }[] }
  }

  function broken(name: string): Policy {
    const policy = structuredClone(find<Policy>(policies, 'ValidatingAdmissionPolicy', name))
    for (const validation of policy.spec.validations) validation.expression = ERROR
    return policy
  }

  /** What each of them would let through is refused now. */
  async function untilBroken(): Promise<void> {
    const name = await makePod()
    const record = `${configMaps}/deployment.broken.migrate-io`
    const refused = (status: number) => status === 403 || status === 422
    const calls = {
      grant: () => editor.post(pods, podManifest({ annotations: { [GRANT]: '' } })),
      pods: () => controller.patch(`${pods}/${name}/status`, annotations({ [GRANT]: 'run 1' })),
      objects: () => controller.post(`${configMaps}?dryRun=All`, { metadata: { name: 'lock.db.migrate-io' } }),
      records: () => admin.patch(`${record}?dryRun=All`, { data: { note: 'a' } }),
      injected: () => editor.post(`${deployments}?dryRun=All`, flask('ours', injected)),
    }
    for (const [what, call] of Object.entries(calls)) await untilAnswered(`${what} is broken`, call, refused)
  }

  test("an error in any of them rejects nobody else's pods, Deployments or ConfigMaps", async () => {
    assertDone(await controller.post(configMaps, { metadata: { name: 'deployment.broken.migrate-io' } }), 'a record')
    try {
      await apply(cluster, NAMES.map(broken))
      await untilBroken()
      for (const metadata of [
        {},
        { annotations: {} },
        { annotations: { note: 'x'.repeat(200_000) } },
        { annotations: manyAnnotations(5_000) },
      ]) {
        const name = assertDone(await editor.post(pods, podManifest(metadata)), 'a pod').metadata.name
        assertDone(await editor.patch(`${pods}/${name}`, { metadata: { labels: { note: 'a' } } }), 'its label')
        assertDone(await admin.patch(`${pods}/${name}/status`, { status: { phase: 'Running' } }), 'its status')
      }
      assertDone(await editor.post(deployments, flask('others', withoutAnnotations)), 'a Deployment')
      const others = assertDone(await editor.post(configMaps, { metadata: { generateName: 'others-' } }), 'a ConfigMap')
      const change = { metadata: { labels: { note: 'a' } }, data: { note: 'a' } }
      assertDone(await editor.patch(`${configMaps}/${others.metadata.name}`, change), 'its data')
    } finally {
      await apply(cluster, policies)
    }
  })
})

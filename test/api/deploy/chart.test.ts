import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { find, nameOf, type Rendered } from '../../support/deploy/objects.ts'
import { isHook, kustomized, templated, WAYS, type Way } from '../../support/deploy/rendered.ts'

/** What Helm adds to every object, and nothing is selected by. */
const HELMS_LABELS = [
  'app.kubernetes.io/instance',
  'app.kubernetes.io/managed-by',
  'app.kubernetes.io/version',
  'helm.sh/chart',
]

const kustomizations = new Map<Way, Rendered[]>()
for (const way of Object.keys(WAYS) as Way[]) kustomizations.set(way, await kustomized(way))

/** Base64 in one line: kustomize breaks it. */
function rendered(way: Way): Rendered[] {
  const inOneLine = (key: string, value: unknown) => (key === 'caBundle' ? String(value).replaceAll('\n', '') : value)
  return JSON.parse(JSON.stringify(kustomizations.get(way)), inOneLine) as Rendered[]
}

/** The bundle that the overlay took from the certificate's file; undefined where nobody gives one. */
function caBundle(objects: readonly Rendered[]): string | undefined {
  const { webhooks } = find<Rendered & { webhooks: { clientConfig: { caBundle?: string } }[] }>(
    objects,
    'MutatingWebhookConfiguration',
    'migrate-io',
  )
  return webhooks[0]?.clientConfig.caBundle
}

async function chart(way: Way, values: Record<string, unknown> = {}, namespace?: string): Promise<Rendered[]> {
  const bundle = caBundle(rendered(way))
  const objects = await templated({
    values: {
      'certificates.mode': WAYS[way],
      ...(bundle !== undefined && { 'certificates.own.caBundle': bundle }),
      ...values,
    },
    ...(namespace !== undefined && { namespace }),
  })
  return objects.filter((object) => !isHook(object))
}

function withoutHelmsLabels(object: Rendered): Rendered {
  const labels = Object.entries(object.metadata.labels ?? {}).filter(([key]) => !HELMS_LABELS.includes(key))
  return { ...object, metadata: { ...object.metadata, labels: Object.fromEntries(labels) } }
}

function byName(objects: readonly Rendered[]): Record<string, Rendered> {
  return Object.fromEntries(
    objects.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)).map((each) => [nameOf(each), each]),
  )
}

describe('the chart and the kustomization', () => {
  for (const way of Object.keys(WAYS) as Way[])
    test(`are the same objects, field by field: ${way}`, async () => {
      // Helm makes the namespace itself, and with own certificates the Secret is the user's.
      const ours = rendered(way).filter(({ kind, type }) => kind !== 'Namespace' && type !== 'kubernetes.io/tls')
      const theirs = await chart(way)
      assert.ok(ours.length > 20)
      assert.deepEqual(byName(theirs.map(withoutHelmsLabels)), byName(ours))
      for (const { metadata } of theirs)
        for (const label of HELMS_LABELS) assert.ok(metadata.labels?.[label], `${metadata.name} has ${label}`)
    })

  test('have all objects of a namespace say which, and name nothing twice', async () => {
    for (const way of Object.keys(WAYS) as Way[]) {
      const names = rendered(way).map(nameOf)
      assert.equal(new Set(names).size, names.length)
    }
  })
})

describe('values', () => {
  test('another namespace: nothing is left of the usual one', async () => {
    for (const way of Object.keys(WAYS) as Way[]) {
      const objects = await chart(way, {}, 'elsewhere')
      const text = JSON.stringify(objects)
      for (const usual of [
        '"namespace":"migrate-io"',
        ':migrate-io:',
        '.migrate-io.svc',
        '"kube-system","migrate-io"]',
        '"migrate-io/',
      ])
        assert.ok(!text.includes(usual), `${way}: ${text.slice(text.indexOf(usual) - 80, text.indexOf(usual) + 80)}`)
      assert.ok(text.includes('system:serviceaccount:elsewhere:migrate-io-controller'))
      assert.ok(text.includes('["kube-system","elsewhere"]'))
    }
  })

  test('all that a pod takes from its values arrives there', async () => {
    const scheduling = {
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ key: 'infra', operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      topologySpreadConstraints: [{ topologyKey: 'rack', maxSkew: 2, whenUnsatisfiable: 'DoNotSchedule' }],
      priorityClassName: 'system-cluster-critical',
    }
    const shared = { ...scheduling, podLabels: { team: 'db' }, podAnnotations: { seen: 'yes' }, replicas: 3 }
    const objects = await chart('self-managed', {
      'image.digest': `sha256:${'0'.repeat(64)}`,
      'image.repository': 'registry.example/migrate-io',
      imagePullSecrets: [{ name: 'registry' }],
      logLevel: 'debug',
      commonLabels: { owner: 'platform' },
      ...Object.fromEntries(
        ['webhook', 'controller'].flatMap((role) =>
          Object.entries(shared).map(([key, value]) => [`${role}.${key}`, value]),
        ),
      ),
      'webhook.resources.requests.cpu': '1',
      'controller.resources.requests.cpu': '1',
    })
    for (const role of ['webhook', 'controller']) {
      const { spec, metadata } = find<PodsOf>(objects, 'Deployment', `migrate-io-${role}`)
      const { template } = spec
      const [container] = template.spec.containers
      const expected = { ...scheduling, nodeSelector: { 'kubernetes.io/os': 'linux', ...scheduling.nodeSelector } }
      for (const [key, value] of Object.entries(expected)) assert.deepEqual(template.spec[key], value, key)
      assert.equal(spec.replicas, 3)
      assert.equal(metadata.labels?.['owner'], 'platform')
      assert.equal(template.metadata.labels['team'], 'db')
      assert.equal(template.metadata.annotations['seen'], 'yes')
      assert.deepEqual(template.spec['imagePullSecrets'], [{ name: 'registry' }])
      assert.equal(container?.image, `registry.example/migrate-io@sha256:${'0'.repeat(64)}`)
      assert.equal(container?.resources.requests.cpu, '1')
      assert.ok(container?.args.includes('--log-level=debug'))
    }
  })

  test('what is switched off is not there', async () => {
    const objects = await chart('self-managed', {
      'policies.enabled': false,
      'networkPolicy.enabled': false,
      'webhook.podDisruptionBudget.enabled': false,
      'controller.podDisruptionBudget.enabled': false,
    })
    const off = /^(ValidatingAdmission|NetworkPolicy|PodDisruptionBudget)/
    assert.deepEqual(
      objects.map(nameOf).filter((name) => off.test(name)),
      [],
    )
  })

  test('host network: the pod listens on the port of the node, and two versions are never on one node', async () => {
    const objects = await chart('self-managed', { 'webhook.hostNetwork': true, 'webhook.port': 9443 })
    const { spec } = find<PodsOf>(objects, 'Deployment', 'migrate-io-webhook')
    assert.equal(spec.template.spec['hostNetwork'], true)
    assert.deepEqual(spec['strategy'], { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } })
    assert.ok(spec.template.spec.containers[0]?.args.includes('--port=9443'))
  })

  test('an issuer of your own takes the place of our authority; the addresses of API servers narrow the way out', async () => {
    const issuerRef = { name: 'company', kind: 'ClusterIssuer' }
    const objects = await chart('cert-manager', {
      'certificates.certManager.issuerRef': issuerRef,
      'networkPolicy.apiServerCidrs': ['10.0.0.1/32'],
      'networkPolicy.apiServerPorts': [6443],
    })
    const made = objects.filter(({ apiVersion }) => apiVersion === 'cert-manager.io/v1')
    assert.deepEqual(made.map(nameOf), ['Certificate migrate-io/migrate-io-webhook'])
    assert.deepEqual((made[0] as Rendered & { spec: { issuerRef: object } }).spec.issuerRef, issuerRef)
    const { spec } = find<Rendered & { spec: { egress: object[] } }>(objects, 'NetworkPolicy', 'migrate-io-controller')
    assert.deepEqual(spec.egress, [
      { ports: [{ port: 6443, protocol: 'TCP' }], to: [{ ipBlock: { cidr: '10.0.0.1/32' } }] },
    ])
  })

  for (const [what, values, message] of [
    ['a misspelt key', { 'webhook.replica': 3 }, /webhook.*additional properties 'replica' not allowed/s],
    ['an unknown way to certificates', { 'certificates.mode': 'magic' }, /must be one of 'selfManaged'/],
    ['a tag as digest', { 'image.digest': 'v1' }, /image\/digest/],
    ['a certificate without its authority', { 'certificates.mode': 'own' }, /certificates\.own\.caBundle is required/],
  ] as const)
    test(`${what} is refused with a reason`, async () => {
      await assert.rejects(templated({ values }), message)
    })
})

interface PodsOf extends Rendered {
  spec: {
    replicas: number
    template: {
      metadata: { labels: Record<string, string>; annotations: Record<string, string> }
      spec: {
        containers: { image: string; resources: { requests: { cpu: string } }; args: string[] }[]
        [field: string]: unknown
      }
    }
    [field: string]: unknown
  }
}

describe('the check before uninstalling', () => {
  const NAME = 'migrate-io-uninstall-check'

  test('a Job lists what is injected, with no right but to read Deployments, and may be left out', async () => {
    const hooks = (await templated()).filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] === 'pre-delete')
    const { spec } = find<PodsOf>(hooks, 'Job', NAME)
    assert.deepEqual(spec.template.spec.containers[0]?.args, ['uninject', '--check', '-A'])
    const { rules } = find<Rendered & { rules: object[] }>(hooks, 'ClusterRole', NAME)
    assert.deepEqual(rules, [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['list'] }])
    const forced = await templated({ values: { 'uninstall.force': true } })
    assert.deepEqual(
      forced.filter(isHook).map(({ metadata }) => metadata.annotations?.['helm.sh/hook']),
      ['test', 'test'],
    )
  })
})

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { findBinaries } from '../../support/cluster/binaries.ts'
import { judge } from '../../support/deploy/kubeconform.ts'
import { find, objectsIn, type Rendered } from '../../support/deploy/objects.ts'
import { templated } from '../../support/deploy/rendered.ts'
import { crdsOf, writeCrdSchemas, writeKubernetesSchemas } from '../../support/deploy/schemas.ts'
import { readRules } from '../../support/monitoring/rules.ts'
import { root } from '../../support/tooling/root.ts'

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024
const OPERATOR = {
  module: 'github.com/prometheus-operator/prometheus-operator@v0.85.0',
  crds: ['prometheusrules', 'servicemonitors'].map(
    (plural) => `example/prometheus-operator-crd/monitoring.coreos.com_${plural}.yaml`,
  ),
}
const OURS = [
  ['ServiceMonitor', 'migrate-io'],
  ['PrometheusRule', 'migrate-io'],
  ['ConfigMap', 'migrate-io-dashboard'],
] as const

const scratch = mkdtempSync(join(tmpdir(), 'migrate-io-monitoring-'))
after(() => rmSync(scratch, { recursive: true, force: true }))
const byKustomize = await kustomized()
const byHelm = await templated({ values: { 'monitoring.enabled': true } })

/** As people apply it: an overlay, and the component beside it. */
async function kustomized(): Promise<Rendered[]> {
  cpSync(`${root}/deploy`, join(scratch, 'deploy'), { recursive: true })
  const kustomization = { resources: ['deploy/overlays/self-managed'], components: ['deploy/monitoring'] }
  writeFileSync(join(scratch, 'kustomization.yaml'), JSON.stringify(kustomization))
  const { kubectl } = await findBinaries()
  const { stdout } = await promisify(execFile)(kubectl, ['kustomize', scratch], { maxBuffer: MAX_OUTPUT_BYTES })
  return objectsIn(stdout)
}

for (const [kind, name] of OURS)
  test(`${kind} ${name} is the same by kustomize and by Helm`, () => {
    const [ours, theirs] = [find(byKustomize, kind, name), find(byHelm, kind, name)]
    const helms = Object.keys(theirs.metadata.labels ?? {}).filter((key) => !(key in (ours.metadata.labels ?? {})))
    assert.equal(helms.length, 4, 'instance, version, managed-by and chart')
    const labels = Object.entries(theirs.metadata.labels ?? {}).filter(([key]) => !helms.includes(key))
    assert.deepEqual({ ...theirs, metadata: { ...theirs.metadata, labels: Object.fromEntries(labels) } }, ours)
  })

test('they are what the Prometheus operator and Kubernetes take, field by field', async () => {
  const folder = mkdtempSync(join(scratch, 'schemas-'))
  await writeKubernetesSchemas('v1.37.2', folder)
  writeCrdSchemas(await crdsOf(OPERATOR), folder)
  const objects = OURS.map(([kind, name]) => find(byKustomize, kind, name))
  const { summary, resources } = await judge(objects, folder)
  assert.deepEqual(resources, [])
  assert.deepEqual(summary, { valid: OURS.length, invalid: 0, errors: 0, skipped: 0 })
  const [monitor] = objects
  assert.equal(
    (await judge([{ ...monitor, spec: { endpoint: [] } } as unknown as Rendered], folder)).summary.invalid,
    1,
  )
})

test('the ServiceMonitor selects the Service of both roles, and a port that it has', () => {
  interface Monitor extends Rendered {
    spec: { selector: { matchLabels: Record<string, string> }; endpoints: { port: string }[] }
  }
  interface Service extends Rendered {
    spec: { ports: { name: string }[]; selector: Record<string, string> }
  }
  const { spec } = find<Monitor>(byKustomize, 'ServiceMonitor', 'migrate-io')
  const selected = byKustomize.filter(
    ({ kind, metadata }) =>
      kind === 'Service' &&
      Object.entries(spec.selector.matchLabels).every(([key, value]) => metadata.labels?.[key] === value),
  ) as Service[]
  assert.deepEqual(
    selected.map(({ metadata }) => metadata.name),
    ['migrate-io-metrics'],
  )
  assert.deepEqual(
    spec.endpoints.map(({ port }) => port),
    selected[0]?.spec.ports.map(({ name }) => name),
  )
  assert.deepEqual(selected[0]?.spec.selector, { 'app.kubernetes.io/name': 'migrate-io' })
})

test('the PrometheusRule holds all rules; in another namespace its advice is for that one', async () => {
  interface PrometheusRule extends Rendered {
    spec: { groups: { rules: unknown[] }[] }
  }
  const { spec } = find<PrometheusRule>(byKustomize, 'PrometheusRule', 'migrate-io')
  assert.deepEqual(spec.groups[0]?.rules, readRules())
  const elsewhere = await templated({ namespace: 'elsewhere', values: { 'monitoring.enabled': true } })
  const text = JSON.stringify(find(elsewhere, 'PrometheusRule', 'migrate-io'))
  assert.match(text, /kubectl -n elsewhere get pods/)
  assert.doesNotMatch(text, /-n migrate-io/)
})

test('Helm adds them only when asked, with the labels that a Prometheus selects by', async () => {
  const kinds = (objects: readonly Rendered[]) => objects.map(({ kind }) => kind)
  assert.ok(!kinds(await templated()).includes('ServiceMonitor'))
  const values = { 'monitoring.enabled': true, 'monitoring.labels': { release: 'prometheus' } }
  const objects = await templated({ values })
  for (const kind of ['ServiceMonitor', 'PrometheusRule'])
    assert.equal(find(objects, kind, 'migrate-io').metadata.labels?.['release'], 'prometheus')
})

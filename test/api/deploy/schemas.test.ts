import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { judge } from '../../support/deploy/kubeconform.ts'
import { find, type Rendered } from '../../support/deploy/objects.ts'
import { kustomized, templated, WAYS, type Way } from '../../support/deploy/rendered.ts'
import {
  KUBERNETES_VERSIONS,
  type KubernetesVersion,
  writeCertManagerSchemas,
  writeKubernetesSchemas,
} from '../../support/deploy/schemas.ts'

const scratch = mkdtempSync(join(tmpdir(), 'migrate-io-schemas-'))
after(() => rmSync(scratch, { recursive: true, force: true }))
const manifests: Rendered[] = []
for (const [way, mode] of Object.entries(WAYS) as [Way, string][]) {
  const values = { 'certificates.mode': mode, 'certificates.own.caBundle': 'Q0E=' }
  manifests.push(...(await kustomized(way)), ...(await templated({ values })))
}

async function schemasOf(version: KubernetesVersion): Promise<string> {
  const folder = mkdtempSync(join(scratch, `${version}-`))
  await writeKubernetesSchemas(version, folder)
  await writeCertManagerSchemas(folder)
  return folder
}

describe('every object, by kustomize and by Helm, in each way to certificates', () => {
  for (const version of KUBERNETES_VERSIONS)
    test(`is what Kubernetes ${version} takes`, async () => {
      const { summary, resources } = await judge(manifests, await schemasOf(version))
      assert.deepEqual(resources, [])
      assert.deepEqual(summary, { valid: manifests.length, invalid: 0, errors: 0, skipped: 0 })
    })

  test('a misspelt field, a wrong type and an unknown kind are noticed', async () => {
    const folder = await schemasOf('v1.30.14')
    const service = find(manifests.slice(0, 40), 'Service', 'migrate-io-webhook')
    const wrong = [
      { ...service, spec: { selectors: {} } },
      { ...service, spec: { ports: 443 } },
      { ...service, kind: 'Servise' },
    ]
    const { summary } = await judge(wrong, folder)
    assert.deepEqual(summary, { valid: 0, invalid: 2, errors: 1, skipped: 0 })
  })
})

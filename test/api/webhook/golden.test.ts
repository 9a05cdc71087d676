import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { deploymentsOf, goldens } from '../../golden/golden.ts'
import { sharedCluster } from '../../support/cluster/shared.ts'
import type { Deployment } from '../../support/installation/deployment.ts'
import { installWebhook } from '../../support/installation/install.ts'
import type { Installation } from '../../support/installation/installation.ts'
import { oursIn } from '../../support/installation/ours.ts'
import { makePlace, type Place, scopeOf } from '../../support/installation/place.ts'

const cluster = await sharedCluster()
/** Neither of our webhooks is ever asked about it. */
const UNSERVED = '/apis/apps/v1/namespaces/kube-system/deployments'

describe('golden files', () => {
  let installation: Installation
  let served: Place
  before(async () => {
    installation = await installWebhook(cluster, { scope: scopeOf('golden') })
    served = await makePlace(cluster, installation)
  })
  after(() => installation.stop())

  for (const { name, outputPath } of goldens()) {
    const options = { skip: existsSync(outputPath) ? false : 'not written yet' }
    test(`A3: ${name}.injected.yaml is admitted, and comes out of the webhook as it went in`, options, async () => {
      const deployments = deploymentsOf(outputPath) as unknown as Deployment[]
      assert.ok(deployments.length > 0)
      for (const { ...deployment } of deployments) {
        deployment.metadata = { ...deployment.metadata }
        delete deployment.metadata.namespace
        // What the API server itself makes of it, with its defaults and without fields that it doesn't know; where no
        // webhook is asked. With the webhook it must come out just so.
        const query = '?dryRun=All&fieldValidation=Ignore'
        const bare = await cluster.request<Deployment>('POST', UNSERVED + query, deployment)
        assert.equal(bare.status, 201, JSON.stringify(bare.body))
        const answers = await installation.webhook.admissions()
        const { status, body } = await served.create(deployment, query)
        assert.equal(status, 201, JSON.stringify(body))
        const isOurs = Object.keys(deployment.metadata.annotations ?? {}).some((key) => key.startsWith('migrate.io/'))
        assert.equal((await installation.webhook.admissions()) > answers, isOurs, 'the webhook was asked')
        assert.equal(JSON.stringify(body.spec), JSON.stringify(bare.body.spec))
        assert.deepEqual(annotationsOf(body, name), annotationsOf(bare.body, name))
        assert.deepEqual(body.metadata.labels, bare.body.metadata.labels)
        if (deployment.metadata.annotations?.['migrate.io/injected']) oursIn(body.spec.template)
      }
    })
  }
})

/** Where the API server has dropped fields that it doesn't know, the webhook has not copied them, and its record says so. */
function annotationsOf({ metadata }: Deployment, golden: string): Record<string, string> {
  const { 'migrate.io/injected': record, ...others } = metadata.annotations ?? {}
  if (record === undefined) return others
  const { copied, ...rest } = JSON.parse(record) as { copied: object }
  assert.ok(copied)
  return golden === 'unknown-fields' ? { ...others, record: JSON.stringify(rest) } : { ...others, record }
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApi } from '../../../src/kube/client.ts'
import { connect } from '../../../src/kube/transport.ts'
import { createWebhookConfigurations } from '../../../src/kube/webhook-configuration.ts'
import { WEBHOOK_TLS_SECRET } from '../../../src/names.ts'
import { makeSite, startController } from '../../support/certificates/installed.ts'
import { ownCluster } from '../../support/cluster/shared.ts'
import { MERGE_PATCH } from '../../support/installation/place.ts'
import { targetOf } from '../../support/kube/place.ts'
import { type LimitedUser, makeLimitedUser } from '../../support/lock/limited-user.ts'
import { until } from '../../support/until.ts'

const cluster = await ownCluster()
type Rule = Parameters<LimitedUser['allow']>[0][number]
/** What it takes to lead. */
const LEADING: readonly Rule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
]
const SOON = { limitMs: 60_000 }

test('S1: the permissions that self-managed certificates need, each by name where it can be; a missing one is named once', async (t) => {
  const site = await makeSite(t, cluster)
  await site.apply(1)
  const configuration = site.manifest(1).metadata.name
  const user = await makeLimitedUser(cluster, `controller-${site.scope}`)
  const own = (rule: Omit<Rule, 'apiGroups' | 'resources'>): Rule => ({
    apiGroups: [''],
    resources: ['secrets'],
    ...rule,
  })
  const foreign = (verb: string): Rule => ({
    apiGroups: ['admissionregistration.k8s.io'],
    resources: ['mutatingwebhookconfigurations'],
    resourceNames: [configuration],
    verbs: [verb],
  })
  const secretNames = { resourceNames: [WEBHOOK_TLS_SECRET] }
  const given: Rule[] = [...LEADING]
  await user.allow(given)
  const controller = startController(t, {
    kubeconfig: user.kubeconfig,
    namespace: site.namespace,
    webhookConfiguration: configuration,
    certificateTimes: { lookMs: 300 },
  })
  const denied = () => controller.said(/checking the certificates failed/).map(({ detail }) => String(detail))
  const [secrets, configurations] = ['secrets', 'mutatingwebhookconfigurations']
  for (const [resource, verb, rule] of [
    [secrets, 'get', own({ verbs: ['get'], ...secretNames })],
    [configurations, 'get', foreign('get')],
    // The only one that can't be limited to a name.
    [secrets, 'create', own({ verbs: ['create'] })],
    [configurations, 'patch', foreign('patch')],
    [secrets, 'update', own({ verbs: ['update'], ...secretNames })],
  ] as const) {
    // Until now nothing had to be updated.
    if (verb === 'update') {
      await until('the configuration trusts it', () => site.caBundles(), {
        ...SOON,
        accept: (all) => all.every(Boolean),
      })
      await cluster.request('PATCH', site.secretPath, { data: { 'tls.crt': '' } }, MERGE_PATCH)
    }
    const wanted = `verb "${verb}" on resource "${resource}"`
    await until(`it says that it needs ${wanted}`, () => denied().some((each) => each.includes(wanted)), SOON)
    given.push(rule)
    await user.allow(given)
  }
  await until('the certificate is made anew', () => site.kept('tls.crt'), SOON)
  assert.equal(new Set(denied()).size, denied().length, 'each is said once')
})

test('O1: caBundle is written by compare-and-swap, and nothing else of the configuration', async (t) => {
  const site = await makeSite(t, cluster)
  await site.apply(1)
  const transport = await connect(await targetOf(cluster))
  t.after(() => transport.close())
  const configurations = createWebhookConfigurations(transport)
  const { name } = site.manifest(1).metadata
  const seen = (await configurations.read(name)) ?? assert.fail()
  const stored = await site.configuration()
  await cluster.kubectl(['annotate', 'mutatingwebhookconfiguration', name, 'somebody=else'])
  const caBundle = cluster.ca
  await assert.rejects(configurations.trust(seen, caBundle), { code: 'conflict' })
  const fresh = (await configurations.read(name)) ?? assert.fail()
  await configurations.trust(fresh, caBundle)
  assert.deepEqual(await site.caBundles(), [caBundle, caBundle])
  const { webhooks } = await site.configuration()
  for (const { clientConfig } of webhooks) delete clientConfig.caBundle
  assert.deepEqual(webhooks, stored.webhooks)
  await cluster.request('DELETE', `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${name}`)
  assert.equal(await configurations.read(name), undefined)
  await assert.rejects(configurations.trust(fresh, caBundle), { code: 'conflict' })
  await site.apply(1)
  await assert.rejects(configurations.trust(fresh, caBundle), { code: 'conflict' }, 'another of the same name')
  const secret = { metadata: { namespace: site.namespace, name: 'two' }, data: {} }
  await createApi(transport).create('Secret', secret)
  await assert.rejects(createApi(transport).create('Secret', secret), { code: 'conflict' })
})

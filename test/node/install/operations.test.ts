import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { issueServing } from '../../../src/certificates/issue.ts'
import type { Lease } from '../../../src/kube/objects.ts'
import { LEADER_LEASE } from '../../../src/names.ts'
import { until } from '../../support/until.ts'
import { caBundles, kept, putIntoSecret, serialOf, untilServedOtherThan } from './certificates.ts'
import { testUpgrade } from './life/upgrade.ts'
import { startLoad } from './load.ts'
import { installOnNode, NAMESPACE } from './site.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const ROLLOUT = '--timeout=180s'
/** Three times the figure of O3. */
const TAKEOVER_LIMIT_MS = 3 * 3_000
const LIMIT_MS = 60_000
const A_SECOND = 50

const site = await installOnNode()
after(() => site.stop())
const { cluster } = site
const kubectl = (...args: string[]) => cluster.kubectl([`--namespace=${NAMESPACE}`, ...args])

test('O2: a rolling restart of the webhook under 50 admissions/s: no failed call', async (t) => {
  const before = await site.pods('migrate-io-webhook')
  await using load = await startLoad(site)
  await load.more(2 * A_SECOND)
  await kubectl('rollout', 'restart', 'deployment/migrate-io-webhook')
  await kubectl('rollout', 'status', 'deployment/migrate-io-webhook', ROLLOUT)
  const pods = async () => (await kubectl('get', 'pods', '-o', 'name')).stdout
  await until('the old pods are gone', pods, {
    limitMs: LIMIT_MS,
    accept: (all) => before.every((pod) => !all.includes(pod)),
  })
  await load.more(2 * A_SECOND)
  t.diagnostic(JSON.stringify(await load.end()))
})

test('O1: a certificate that is due is renewed under 50 admissions/s: no failed call', async (t) => {
  const { 'ca.crt': cert = '', 'ca.key': key = '' } = await kept(site)
  await using load = await startLoad(site)
  await load.more(A_SECOND)
  const now = Date.now()
  const due = await issueServing(
    { cert, key },
    {
      subject: 'CN=due',
      names: [
        'migrate-io-webhook',
        ...['', '.svc', '.svc.cluster.local'].map((end) => `migrate-io-webhook.${NAMESPACE}${end}`),
      ],
      notBefore: new Date(now - 60 * DAY_MS),
      notAfter: new Date(now + DAY_MS),
    },
  )
  await putIntoSecret(site, { 'tls.crt': due.cert, 'tls.key': due.key })
  await untilServedOtherThan(site, serialOf(due.cert))
  await load.more(2 * A_SECOND)
  t.diagnostic(JSON.stringify(await load.end()))
  assert.equal((await kept(site))['ca.crt'], cert, 'by the same authority')
})

test('O1: a rotation of the authority under 50 admissions/s: no failed call', async (t) => {
  const { 'ca.crt': first = '', 'tls.crt': leaf = '' } = await kept(site)
  await using load = await startLoad(site)
  await load.more(A_SECOND)
  await putIntoSecret(site, { 'ca.key': null })
  await until('both authorities are trusted', () => caBundles(site), {
    limitMs: LIMIT_MS,
    accept: (bundles) => bundles.every((each) => each.includes(first) && each !== first),
  })
  await untilServedOtherThan(site, serialOf(leaf))
  // What the controller does an hour later.
  const second = ((await kept(site))['ca.crt'] ?? '').replace(first, '')
  await putIntoSecret(site, { 'ca.crt': second })
  await until('the old authority is trusted no more', () => caBundles(site), {
    limitMs: LIMIT_MS,
    accept: (bundles) => bundles.every((each) => each === second),
  })
  await load.more(2 * A_SECOND)
  t.diagnostic(JSON.stringify(await load.end()))
})

test('O3, O5: the leading controller’s pod is deleted: the other one leads within 3 s, and both roles are ready', async (t) => {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/${LEADER_LEASE}`
  const holder = async () => (await cluster.get<Lease>(path)).body.spec?.holderIdentity ?? ''
  const pods = await site.pods('migrate-io-controller')
  const first = await holder()
  const leader = pods.find((pod) => first.includes(pod)) ?? assert.fail(`${first} is one of ${pods.join(', ')}`)
  await kubectl('delete', 'pod', leader, '--wait=false')
  const fromMs = performance.now()
  const next = await until('the other one leads', holder, {
    limitMs: TAKEOVER_LIMIT_MS,
    accept: (identity) => identity !== '' && identity !== first,
  })
  t.diagnostic(`taken over after ${Math.round(performance.now() - fromMs)} ms`)
  assert.ok(!next.includes(leader))
  for (const each of ['webhook', 'controller'])
    await kubectl('rollout', 'status', `deployment/migrate-io-${each}`, ROLLOUT)
})

testUpgrade(site)

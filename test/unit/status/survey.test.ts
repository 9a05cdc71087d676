import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Api, KubeError } from '../../../src/kube/api.ts'
import type { Transport } from '../../../src/kube/transport.ts'
import { readController } from '../../../src/status/survey.ts'
import { at, NOW } from '../../support/status/objects.ts'

type Answer = object | 'none' | 'forbidden'

const LEADING = { spec: { holderIdentity: 'one', renewTime: at(-1), leaseDurationSeconds: 15 } }
const LET_GO = { spec: { holderIdentity: '' } }
const INSTALLED_IN_OPS = { webhooks: [{ name: 'inject.migrate.io', clientConfig: { service: { namespace: 'ops' } } }] }

/** A cluster that has these Leases by namespace, and this webhook configuration. */
function cluster(leases: Record<string, Answer>, configuration: Answer) {
  const answer = (value: Answer): object | undefined => {
    if (value === 'forbidden') throw new KubeError('forbidden', 'you may not')
    return value === 'none' ? undefined : value
  }
  const api: Pick<Api, 'read'> = { read: async (_, namespace) => answer(leases[namespace] ?? 'none') as never }
  const transport: Pick<Transport, 'send'> = {
    send: async () => {
      const found = answer(configuration)
      const metadata = { name: 'migrate-io', uid: '1', resourceVersion: '1' }
      const missing = { kind: 'Status', reason: 'NotFound', code: 404, details: { name: 'migrate-io' } }
      const body = found === undefined ? missing : { kind: 'MutatingWebhookConfiguration', metadata, ...found }
      return { status: found === undefined ? 404 : 200, body } as never
    },
  }
  return { api: api as Api, transport: transport as Transport }
}

const CASES: readonly (readonly [string, Record<string, Answer>, Answer, object])[] = [
  ['in the usual namespace', { 'migrate-io': LEADING }, 'forbidden', { kind: 'leading', namespace: 'migrate-io' }],
  ['in another namespace', { ops: LEADING }, INSTALLED_IN_OPS, { kind: 'leading', namespace: 'ops' }],
  ['in another, whose Lease may not be read', { ops: 'forbidden' }, INSTALLED_IN_OPS, { kind: 'unseen' }],
  ['in another, and none leads', { ops: LET_GO }, INSTALLED_IN_OPS, { kind: 'absent', namespace: 'ops' }],
  ['somewhere that may not be read', {}, 'forbidden', { kind: 'unseen' }],
  ['nowhere', {}, 'none', { kind: 'absent', namespace: 'migrate-io' }],
  ['let go', { 'migrate-io': LET_GO }, 'forbidden', { kind: 'absent', namespace: 'migrate-io' }],
  ['a Lease that may not be read', { 'migrate-io': 'forbidden' }, 'forbidden', { kind: 'unseen' }],
]

describe('status: whether a controller is at work, wherever it is installed', () => {
  for (const [name, leases, configuration, expected] of CASES)
    test(name, async () => {
      const { kind, ...facts } = await readController(cluster(leases, configuration), NOW)
      const namespace = 'namespace' in facts ? { namespace: facts.namespace } : {}
      assert.deepEqual({ kind, ...namespace }, expected)
    })
})

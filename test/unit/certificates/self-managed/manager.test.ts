import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issueServing, makeAuthority } from '../../../../src/certificates/issue.ts'
import { TIMES } from '../../../../src/certificates/self-managed/decide.ts'
import {
  type CertificateEvent,
  createCertificateManager,
  namesOf,
} from '../../../../src/certificates/self-managed/manager.ts'
import { dataWith } from '../../../../src/certificates/self-managed/read.ts'
import { type Api, KubeError } from '../../../../src/kube/api.ts'
import type { Secret } from '../../../../src/kube/objects.ts'
import type { WebhookConfiguration } from '../../../../src/kube/webhook-configuration.ts'
import { FakeClock } from '../../../support/kube/fake-clock.ts'
import { until } from '../../../support/until.ts'

const SERVICE = { namespace: 'shop', service: 'hook' }
const NOW_MS = Date.UTC(2030, 0, 1)
const SOON = { limitMs: 20_000, intervalMs: 5 }

/** Secret and configuration with compare-and-swap, and what happens to a caBundle that was written. */
class FakeServer {
  secret: Secret | undefined
  configuration: WebhookConfiguration | undefined
  looks = 0
  trusts = 0
  onTrust: 'kept' | 'undone' | 'answer lost' = 'kept'
  #version = 0

  readonly api = {
    read: async () => {
      this.looks++
      return this.secret && structuredClone(this.secret)
    },
    create: async (_kind: string, secret: Secret) => {
      if (this.secret) throw new KubeError('conflict', 'exists')
      return this.#store(secret)
    },
    replace: async (_kind: string, secret: Secret) => {
      if (secret.metadata.resourceVersion !== this.secret?.metadata.resourceVersion)
        throw new KubeError('conflict', 'modified')
      return this.#store(secret)
    },
  } as unknown as Pick<Api, 'read' | 'create' | 'replace'>

  readonly configurations = {
    read: async () => this.configuration && structuredClone(this.configuration),
    trust: async (seen: WebhookConfiguration, caBundle: string) => {
      this.trusts++
      if (this.onTrust !== 'undone') this.configure(caBundle)
      if (this.onTrust === 'answer lost') throw new KubeError('unavailable', 'the connection was reset')
      return seen
    },
  }

  configure(caBundle: string): void {
    const metadata = { name: 'migrate-io', uid: 'u', resourceVersion: `${++this.#version}`, generation: this.#version }
    const clientConfig = { caBundle: Buffer.from(caBundle).toString('base64') }
    this.configuration = { metadata, webhooks: [{ name: 'inject', clientConfig }] }
  }

  async fill(): Promise<void> {
    const validity = { notBefore: new Date(NOW_MS), notAfter: new Date(NOW_MS + TIMES.servingLifeMs) }
    const authority = await makeAuthority('CN=a', validity)
    const serving = await issueServing(authority, { ...validity, subject: 'CN=s', names: namesOf(SERVICE) })
    const texts = { 'ca.crt': authority.cert, 'ca.key': authority.key, 'tls.crt': serving.cert, 'tls.key': serving.key }
    const metadata = { name: 'tls', namespace: 'shop', uid: 's', resourceVersion: '0' }
    this.#store({ metadata, data: dataWith(undefined, texts) })
  }

  #store(secret: Secret): Secret {
    const metadata = { ...secret.metadata, uid: 's', resourceVersion: `${++this.#version}` }
    this.secret = structuredClone({ ...secret, metadata })
    return this.secret
  }
}

function managerOn(server: FakeServer, clock?: FakeClock) {
  const events: CertificateEvent[] = []
  const failures: string[] = []
  const manager = createCertificateManager({
    api: server.api,
    configurations: server.configurations,
    namespace: SERVICE.namespace,
    serviceName: SERVICE.service,
    secretName: 'tls',
    configurationName: 'migrate-io',
    now: () => NOW_MS,
    report: (event) => events.push(event),
    onFailure: (error) => failures.push(error instanceof KubeError ? error.code : String(error)),
    ...(clock ? { clock } : { times: { lookMs: 5 } }),
  })
  return { manager, events, failures }
}

test('O1: at rest it looks every 10 s, and not at all once another controller leads', async () => {
  const [server, clock] = [new FakeServer(), new FakeClock()]
  await server.fill()
  const { manager, events } = managerOn(server, clock)
  await clock.advance(0)
  assert.equal(server.looks, 0)
  manager.start()
  await clock.advance(9_999)
  assert.equal(server.looks, 1)
  await clock.advance(50_001)
  assert.equal(server.looks, 7)
  assert.deepEqual(new Set(events.map((event) => event.kind === 'rest' && event.waitsFor)), new Set(['configuration']))
  await manager.stop()
  await clock.advance(60_000)
  assert.equal(server.looks, 7)
  assert.equal(clock.pending, 0)
})

test('O1: where somebody undoes what it writes, it does not write without end', async () => {
  const [server, clock] = [new FakeServer(), new FakeClock()]
  await server.fill()
  server.configure('')
  server.onTrust = 'undone'
  const { manager } = managerOn(server, clock)
  manager.start()
  await inSteps(clock, 9_999)
  assert.equal(server.trusts, 5)
  await inSteps(clock, 10_000)
  assert.equal(server.trusts, 10)
  await manager.stop()
})

test('O1: a write whose answer was lost is seen at the next look, which comes soon', async () => {
  const [server, clock] = [new FakeServer(), new FakeClock()]
  await server.fill()
  server.configure('')
  server.onTrust = 'answer lost'
  const { manager, failures, events } = managerOn(server, clock)
  manager.start()
  await clock.advance(200)
  assert.deepEqual([server.trusts, failures, events.at(-1)?.kind], [1, ['unavailable'], 'rest'])
  await manager.stop()
})

test('O1: two that lead at once make one authority; the other’s write conflicts', async (t) => {
  const server = new FakeServer()
  server.configure('')
  const [one, other] = [managerOn(server), managerOn(server)]
  t.after(() => Promise.all([one.manager.stop(), other.manager.stop()]))
  one.manager.start()
  other.manager.start()
  const isResting = ({ events }: typeof one) => events.at(-1)?.kind === 'rest'
  await until('both rest', () => isResting(one) && isResting(other), SOON)
  const made = [...one.events, ...other.events].filter(
    (each) => each.kind === 'step' && each.step.kind === 'make-authority',
  )
  assert.equal(made.length, 1)
  assert.deepEqual(
    [...one.failures, ...other.failures].filter((code) => code !== 'conflict'),
    [],
  )
})

/** More happens in a moment than the clock waits for at one. */
async function inSteps(clock: FakeClock, ms: number): Promise<void> {
  for (let step = 0; step < 10; step++) await clock.advance(ms / 10)
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CertificateEvent } from '../../../../src/certificates/self-managed/manager.ts'
import { type CertificateMetrics, CertificateTeller } from '../../../../src/certificates/self-managed/role.ts'
import { createLogs } from '../../../../src/observability/logs.ts'
import { authority, servingOf, trusting } from '../../../support/certificates/self-managed/authorities.ts'

const NOW_MS = Date.UTC(2030, 0, 1)
const A = authority('A', NOW_MS)

test('O1: steps are logged with their reason and counted, a wait is said once, and expiry is a metric of the leader', () => {
  const lines: string[] = []
  const steps: string[] = []
  const expiry: Record<string, number | undefined> = {}
  const metrics: CertificateMetrics = {
    certificateStep(step, reason) {
      steps.push(`${step} ${reason}`)
    },
    certificateExpiry(which, atMs) {
      expiry[which] = atMs
    },
  }
  const logs = createLogs('info', { write: (line: string) => lines.push(line) })
  const about = { secret: 'shop/tls', configuration: 'migrate-io' }
  const teller = new CertificateTeller(logs, metrics, about)
  const snapshot = { secret: { trusted: [A], signer: A, serving: servingOf(A, NOW_MS) }, configuration: trusting(A) }
  const rest = (waitsFor: 'nothing' | 'configuration' | 'overlap'): CertificateEvent => ({
    kind: 'rest',
    waitsFor,
    snapshot,
  })

  teller.event({ kind: 'step', step: { kind: 'issue', why: 'certificate-due' } })
  for (const waitsFor of ['configuration', 'configuration', 'nothing', 'nothing', 'configuration'] as const)
    teller.event(rest(waitsFor))
  const said = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    said.map(({ level }) => level),
    ['info', 'warn', 'warn'],
  )
  for (const line of said)
    assert.deepEqual([line['secret'], line['configuration']], [about.secret, about.configuration])
  assert.equal(said[0]?.['reason'], 'certificate-due')
  assert.deepEqual(steps, ['issue certificate-due'])
  assert.deepEqual(expiry, { authority: A.notAfterMs, serving: snapshot.secret.serving.notAfterMs })
  teller.forget()
  assert.deepEqual(expiry, { authority: undefined, serving: undefined })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeDevelopmentCertificates } from '../../../certs/generate.ts'
import { checkedPair, unusableAt } from '../../../src/certificates/serving-pair.ts'
import { testApp } from '../../support/webhook/app.ts'

const DAY_MS = 86_400_000

test('O5: not ready is 503 with the reason, while the process is still healthy', async () => {
  const { app } = testApp({ notReady: () => 'shutting down' })
  const ready = await app.inject('/readyz')
  assert.deepEqual([ready.statusCode, ready.body], [503, 'shutting down\n'])
  assert.equal((await app.inject('/healthz')).statusCode, 200)
})

test('O1: a certificate serves from its first to its last moment, and readiness says why not', async () => {
  const now = new Date()
  const { cert, key } = await makeDevelopmentCertificates({ days: 2, now })
  const pair = checkedPair({ cert, key, certName: 'cert', keyName: 'key' })
  assert.equal(unusableAt(pair, now), undefined)
  assert.match(unusableAt(pair, new Date(now.getTime() + 3 * DAY_MS)) ?? '', /expired on \d{4}-/)
  assert.match(unusableAt(pair, new Date(now.getTime() - DAY_MS)) ?? '', /not valid before \d{4}-/)
})

test('O3: while draining, each response asks for another connection', async () => {
  const { app } = testApp({ isDraining: () => true })
  assert.equal((await app.inject('/healthz')).headers.connection, 'close')
  const answered = testApp()
  assert.notEqual((await answered.app.inject('/healthz')).headers.connection, 'close')
})

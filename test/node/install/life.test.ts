/** From an outage of ours to its end: all on one node, one after the other. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { testFirstStart } from './life/first-start.ts'
import { testLeaving } from './life/leaving.ts'
import { testOutage } from './life/outage.ts'
import { installOnNode } from './site.ts'

const site = await installOnNode()
after(() => site.stop())

/** The certificate within seconds; kubelet tries again and again to mount it, at intervals that double to two minutes. */
const LIMIT_MS = 180_000

test('O5: kubectl apply -k, where the node has the image: it settles by itself', (t) => {
  t.diagnostic(`injected ${(site.injectedAfterMs / 1000).toFixed(1)} s after kubectl apply -k`)
  assert.ok(site.injectedAfterMs < LIMIT_MS)
})

testOutage(site)
testFirstStart(site)
testLeaving(site)

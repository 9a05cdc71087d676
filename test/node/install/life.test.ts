/** From an outage of ours to its end: all on one node, one after the other. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { testFirstStart } from './life/first-start.ts'
import { testLeaving } from './life/leaving.ts'
import { testOutage } from './life/outage.ts'
import { DEPLOYMENTS, installOnNode } from './site.ts'

const site = await installOnNode()
after(() => site.stop())

test('O5: kubectl apply -k, where the node has the image: it settles by itself', async (t) => {
  t.diagnostic(`injected ${(site.injectedAfterMs / 1000).toFixed(1)} s after kubectl apply -k`)
  for (const each of DEPLOYMENTS) assert.equal((await site.pods(each)).length, 2, each)
})

testOutage(site)
testFirstStart(site)
testLeaving(site)

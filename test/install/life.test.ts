/** From an outage of ours to its end: all on one node, one after the other. */
import { after } from 'node:test'
import { testFirstStart } from './life/first-start.ts'
import { testLeaving } from './life/leaving.ts'
import { testOutage } from './life/outage.ts'
import { installOnNode } from './site.ts'

const site = await installOnNode()
after(() => site.stop())

testOutage(site)
testFirstStart(site)
testLeaving(site)

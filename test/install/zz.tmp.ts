import { after } from 'node:test'
import { testLeaving } from './life/leaving.ts'
import { testUpgrade } from './life/upgrade.ts'
import { installOnNode } from './site.ts'
const site = await installOnNode()
after(() => site.stop())
testUpgrade(site)
testLeaving(site)

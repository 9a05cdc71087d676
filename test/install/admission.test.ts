/** The suite of test/e2e, asked of what is installed: one process and one cluster for all of it. */
import { after } from 'node:test'
import { INSTALLED } from '../e2e/installed.ts'
import { keepNodeForOurs } from './for-ours-only.ts'
import { installOnNode } from './site.ts'

const site = await installOnNode()
after(() => site.stop())
await keepNodeForOurs(site)
process.env['MIGRATE_IO_TEST_CLUSTER'] = site.cluster.folder
process.env[INSTALLED] = site.cluster.folder

// In this order: the first counts the API server's calls of us, and nothing else may make some meanwhile.
await import('../e2e/admission.test.ts')
await import('../e2e/namespace.test.ts')
await import('../e2e/changes.test.ts')
await import('../e2e/golden.test.ts')
await import('../e2e/limits.test.ts')
await import('../e2e/pods.test.ts')
await import('../e2e/refusal.test.ts')
await import('../e2e/removal.test.ts')
await import('../e2e/stability.test.ts')
await import('../e2e/strategy.test.ts')
await import('../e2e/unavailable.test.ts')

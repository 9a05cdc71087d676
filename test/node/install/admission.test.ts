/** The suite of test/e2e, asked of what is installed: one process and one cluster for all of it. */
import { after } from 'node:test'
import { INSTALLED } from '../../support/installation/installed.ts'
import { keepNodeForOurs } from './for-ours-only.ts'
import { installOnNode } from './site.ts'

const site = await installOnNode()
after(() => site.stop())
await keepNodeForOurs(site)
process.env['MIGRATE_IO_TEST_CLUSTER'] = site.cluster.folder
process.env[INSTALLED] = site.cluster.folder

// In this order: the first counts the API server's calls of us, and nothing else may make some meanwhile.
await import('../../api/webhook/admission.test.ts')
await import('../../api/webhook/namespace.test.ts')
await import('../../api/webhook/changes.test.ts')
await import('../../api/webhook/golden.test.ts')
await import('../../api/webhook/limits.test.ts')
await import('../../api/webhook/pods.test.ts')
await import('../../api/webhook/refusal.test.ts')
await import('../../api/webhook/removal.test.ts')
await import('../../api/webhook/stability.test.ts')
await import('../../api/webhook/strategy.test.ts')
await import('../../api/webhook/unavailable.test.ts')

import { openFlags } from './flags.ts'
import type { MigrationOptions } from './journal.ts'
import type { SharedStage } from './stage.ts'
import { openWorkshop } from './workshop.ts'

/** A workshop whose migrations see flags: two replicas each, gone a second after they are told to, unless said otherwise. */
export async function openFlaggedWorkshop(stage: SharedStage, usual: Partial<MigrationOptions> = {}) {
  const workshop = await openWorkshop(stage)
  const flags = openFlags()
  const options = (more: MigrationOptions): MigrationOptions => ({
    ...usual,
    replicas: 2,
    graceSeconds: 1,
    ...more,
    change(manifest) {
      flags.mount(manifest)
      more.change?.(manifest)
    },
  })
  const kubectl = (...args: string[]) => workshop.site.place.kubectl(args)
  return { workshop, flags, options, kubectl }
}

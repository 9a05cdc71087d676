import { removeObject } from '../kube/calls.ts'
import { type Ground, survey } from './survey.ts'
import { unusedRecords } from './unused-records.ts'

/**
 * Deletes the ConfigMaps of ours that nothing will read again, each only if it is as it was before the look at who may need
 * it. @returns how many. Throws KubeError. Permissions: those of `survey`, and delete on configmaps.
 */
export async function sweep(ground: Ground): Promise<number> {
  const seen = await survey(ground)
  let count = 0
  for (const { metadata } of unusedRecords(seen.records, seen)) {
    const { uid, resourceVersion } = metadata
    if (await removeObject(ground.transport, 'ConfigMap', metadata, { preconditions: { uid, resourceVersion } }))
      count++
  }
  return count
}

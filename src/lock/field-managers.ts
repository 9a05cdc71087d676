import type { Metadata } from '../kube/objects.ts'
import { FIELD_MANAGER } from '../names.ts'

/**
 * Which of these keys of a ConfigMap's data somebody else wrote last, by `kubectl edit` or from a backup. The API server
 * keeps track of that for every field; an object whose tracking was taken off tells nothing.
 */
export function writtenByOthers(metadata: Metadata, keys: readonly string[]): readonly string[] {
  const others = (metadata.managedFields ?? []).filter(({ manager }) => manager !== FIELD_MANAGER)
  return keys.filter((key) => others.some(({ fieldsV1 }) => fieldsV1?.['f:data']?.[`f:${key}`] !== undefined))
}

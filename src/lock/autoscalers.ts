import type { Pod } from '../kube/objects.ts'
import { AUTOSCALER_MARKS, MARKS_ANNOTATION } from '../names.ts'

/**
 * Budgets don't protect a pod in its init container, so a runner is marked for the autoscalers while it holds the lock.
 * A third annotation says which marks are ours: one that the user set stays as it is.
 */

/** Annotations that mark a runner. */
export function marksOn(pod: Pod): Record<string, string> {
  const present = pod.metadata.annotations ?? {}
  if (present[MARKS_ANNOTATION] !== undefined) return {}
  const missing = Object.entries(AUTOSCALER_MARKS).filter(([key]) => present[key] === undefined)
  if (missing.length === 0) return {}
  return { ...Object.fromEntries(missing), [MARKS_ANNOTATION]: missing.map(([key]) => key).join(',') }
}

/** Annotations that take our marks off; empty where there are none. */
export function marksOff(pod: Pod): Record<string, null> {
  const present = pod.metadata.annotations ?? {}
  const ours = present[MARKS_ANNOTATION]
  if (ours === undefined) return {}
  const named = new Set(ours.split(','))
  // One that was given another value in the meantime is somebody else's by now.
  const keys = Object.entries(AUTOSCALER_MARKS)
    .filter(([key, value]) => named.has(key) && present[key] === value)
    .map(([key]) => key)
  return Object.fromEntries([...keys, MARKS_ANNOTATION].map((key) => [key, null]))
}

import { decide } from '../injection/decide.ts'
import type { Deployment } from '../kube/objects.ts'
import { PREFIX } from '../names.ts'
import { asJson } from './injected.ts'

type Annotations = Readonly<Record<string, string>>

/** All annotations under our prefix: the user's own, and the record of what was injected. */
export function ourAnnotations({ metadata }: Deployment): Annotations {
  return Object.fromEntries(Object.entries(metadata.annotations ?? {}).filter(([key]) => key.startsWith(PREFIX)))
}

/**
 * The Deployment without the annotations and without all that was injected, strategy and deadline as they were: what the
 * webhook makes of an update that takes the annotations off, made by the same function. Sent as an update, it is the same
 * whether the webhook is asked or not, since there is nothing left for it to do.
 *
 * @param taken annotations that were there before an earlier step took them off: the record among them says what the
 *   strategy was
 */
export function bareOf(stored: Deployment, taken: Annotations): Deployment {
  const theirs = Object.entries(stored.metadata.annotations ?? {}).filter(([key]) => !key.startsWith(PREFIX))
  const before = withAnnotations(stored, { ...taken, ...stored.metadata.annotations })
  const after = withAnnotations(stored, Object.fromEntries(theirs))
  const decision = decide({ object: asJson(after), oldObject: asJson(before), optedIn: false })
  if (decision.kind === 'stripped') return decision.deployment as unknown as Deployment
  throw new Error(`${stored.metadata.namespace}/${stored.metadata.name} holds nothing of ours: ${decision.reason}`)
}

function withAnnotations(stored: Deployment, annotations: Annotations): Deployment {
  return { ...stored, metadata: { ...stored.metadata, annotations: { ...annotations } } }
}

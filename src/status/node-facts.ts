import type { Node } from '../kube/objects.ts'

/** The node of a pod that may be running a migration. */
export type NodeFacts =
  | { readonly kind: 'ready' }
  /** `since`: milliseconds since 1970. */
  | { readonly kind: 'not-ready'; readonly since: number | undefined }
  /** Its Node object is gone, and with it soon the pod's. */
  | { readonly kind: 'gone' }
  /** It may not be read. */
  | { readonly kind: 'unseen' }

/** @param node undefined where there is none */
export function nodeFacts(node: Node | undefined): NodeFacts {
  if (node === undefined) return { kind: 'gone' }
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')
  if (ready?.status === 'True') return { kind: 'ready' }
  const since = Date.parse(ready?.lastTransitionTime ?? '')
  return { kind: 'not-ready', since: Number.isNaN(since) ? undefined : since }
}

import { readClusterObject } from '../kube/calls.ts'
import type { Transport } from '../kube/transport.ts'
import { type NodeFacts, nodeFacts } from './node-facts.ts'
import { unlessForbidden } from './unless-forbidden.ts'

/** @returns `unseen` where it may not be read. Throws KubeError. */
export async function readNode(transport: Transport, name: string): Promise<NodeFacts> {
  const facts = await unlessForbidden(async () => nodeFacts(await readClusterObject(transport, 'Node', name)))
  return facts ?? { kind: 'unseen' }
}

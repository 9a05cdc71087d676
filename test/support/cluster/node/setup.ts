import type { NodeBinaries } from '../binaries.ts'
import type { Setup } from '../components.ts'

/** What a cluster with nodes is, besides its control plane. */
export interface NodeSetup extends Setup {
  /** The number of the range of addresses. */
  range: number
  nodeBinaries: NodeBinaries
  /** How many nodes have been started. */
  nodes: number
}

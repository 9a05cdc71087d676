import type { Cluster } from '../cluster.ts'
import { clusterIn } from '../cluster.ts'
import type { Component, Setup } from '../components.ts'
import { controlOf, type EndOptions } from '../control.ts'
import type { Owned } from '../own-folder.ts'
import { logFile } from '../processes.ts'
import { readSetup, writeSetup } from '../setup-file.ts'
import { schedulerProgram } from './control-plane.ts'
import { type NewNode, NODE_COMPONENTS, type Node, type NodeComponent, nodeIn } from './node.ts'
import { MOST_NODES } from './range.ts'
import { nodeReady } from './ready.ts'
import type { NodeSetup } from './setup.ts'

export type { Node, NodeComponent }
export type NodeClusterComponent = Component | 'kube-scheduler' | NodeComponent

/**
 * A real cluster with nodes. The control plane runs on this machine and listens on the cluster's own network, 198.18/15;
 * webhooks may be on the loopback address. Services and pods are reached from here by their addresses.
 */
export interface NodeCluster extends Cluster {
  /** This machine's address in the cluster's network: what a test serves on it, pods and nodes can call. */
  readonly hostAddress: string
  /** The first is the one that the operations below are about, where they aren't about the control plane. */
  readonly nodes: readonly Node[]
  log(component: NodeClusterComponent): string
  start(component: NodeClusterComponent): Promise<void>
  restart(component: NodeClusterComponent, options?: EndOptions): Promise<void>
  stop(component?: NodeClusterComponent, options?: EndOptions): Promise<void>
  pause(component: NodeClusterComponent): void
  resume(component: NodeClusterComponent): void
  /** On every node, those included that are added later: else a pod that is moved there can't start. */
  loadImage(ociTarFile: string): Promise<void>
  /** Starts a second node. Returns when it is ready. */
  addNode(): Promise<Node>
  /** What `kubectl logs` and `kubectl exec` print; throws as `kubectl` does. */
  logs(pod: string, options?: PodOptions): Promise<string>
  exec(pod: string, command: string[], options?: PodOptions): Promise<string>
}

export interface PodOptions {
  /** Default: default. */
  namespace?: string
  container?: string
}

/** The cluster that another process has started, by its run folder. It is not ended when this process ends. */
export async function connectNodeCluster(folder: string): Promise<NodeCluster> {
  const setup = readSetup(folder)
  if (!isNodeSetup(setup)) throw new Error(`${folder} is the run folder of a cluster without nodes`)
  return nodeClusterIn({ folder, tied: false, forget: () => {} }, setup)
}

/** The handle of a node, there already or to be started. */
export function nodeOf({ folder, tied }: Owned, setup: NodeSetup, number: number, base: Cluster): NewNode {
  return nodeIn(folder, number, { setup, tied, isReadySince: (name, since) => nodeReady(base, name, since) })
}

/** The handle of the cluster in a folder. Does nothing by itself. */
export function nodeClusterIn(owned: Owned, setup: NodeSetup): NodeCluster {
  const { folder, tied } = owned
  const base = clusterIn(owned, setup)
  const nodes: Node[] = Array.from({ length: setup.nodes }, (_, index) => nodeOf(owned, setup, index + 1, base))
  const first = nodes[0] as Node
  const imageFiles = new Set<string>()
  const scheduler = controlOf<'kube-scheduler'>(folder, tied, () => schedulerProgram(folder, setup))
  const partFor = (
    component: NodeClusterComponent,
  ): Pick<NodeCluster, 'start' | 'stop' | 'restart' | 'pause' | 'resume'> => {
    if (component === 'kube-scheduler') return scheduler
    return isOfNode(component) ? first : base
  }
  const inPod = (pod: string, { namespace = 'default', container }: PodOptions = {}) => [
    pod,
    `--namespace=${namespace}`,
    ...(container === undefined ? [] : [`--container=${container}`]),
  ]
  const print = async (args: string[]) => (await base.kubectl(args)).stdout
  return {
    ...base,
    hostAddress: setup.address,
    nodes,
    log: (component) => {
      if (isOfNode(component)) return first.log(component)
      return logFile(folder, component)
    },
    start: (component) => partFor(component).start(component),
    restart: (component, options) => partFor(component).restart(component, options),
    stop: (component, options) => (component ? partFor(component).stop(component, options) : base.stop()),
    pause: (component) => partFor(component).pause(component),
    resume: (component) => partFor(component).resume(component),
    loadImage: async (file) => {
      imageFiles.add(file)
      for (const node of nodes) await node.loadImage(file)
    },
    addNode: async () => {
      if (nodes.length === MOST_NODES) throw new Error(`a cluster has ${MOST_NODES} nodes at most`)
      const node = nodeOf(owned, setup, nodes.length + 1, base)
      await node.boot()
      for (const file of imageFiles) await node.loadImage(file)
      await node.join()
      nodes.push(node)
      setup.nodes = nodes.length
      writeSetup(folder, setup)
      return node
    },
    logs: (pod, options) => print(['logs', ...inPod(pod, options)]),
    exec: (pod, command, options) => print(['exec', ...inPod(pod, options), '--', ...command]),
  }
}

function isOfNode(component: NodeClusterComponent): component is NodeComponent {
  return NODE_COMPONENTS.some((each) => each === component)
}

/** Whether the cluster has nodes. */
export function isNodeSetup(setup: Setup): setup is NodeSetup {
  return 'range' in setup
}

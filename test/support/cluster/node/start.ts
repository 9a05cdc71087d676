import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { findBinaries, findNodeBinaries } from '../binaries.ts'
import { addNodeLevelPki, makePki, pkiFiles } from '../certificates.ts'
import type { ClusterOptions } from '../cluster.ts'
import { urlOf } from '../components.ts'
import { claimControlPlanePorts, defaultAccount, startControlPlane } from '../control-plane.ts'
import { writeKubeconfig } from '../kubeconfig.ts'
import { inNewRunFolder } from '../own-folder.ts'
import { removeLeftovers } from '../run-folder.ts'
import { writeSetup } from '../setup-file.ts'
import { together } from '../together.ts'
import { type NodeCluster, nodeClusterIn, nodeOf } from './cluster.ts'
import { nodeLevelFlags, schedulerKubeconfig } from './control-plane.ts'
import { NODES } from './names.ts'
import { makeNetwork } from './network.ts'
import { rangeOf } from './range.ts'
import { needNodes } from './requirements.ts'
import type { NodeSetup } from './setup.ts'

/**
 * Starts the control plane and a node, and returns when pods can run in namespace `default` and reach Services. Installs
 * Debian packages and builds programs where they are missing. Throws, with what to do, where nodes can't run.
 */
export async function startNodeCluster(options: ClusterOptions = {}): Promise<NodeCluster> {
  const { parent, extraArguments = {} } = options
  await needNodes()
  removeLeftovers(parent)
  const binaries = await findBinaries()
  const nodeBinaries = await findNodeBinaries()
  return inNewRunFolder(options, async (owned) => {
    const { folder } = owned
    mkdirSync(join(folder, NODES))
    const range = makeNetwork(folder)
    const { host, firstService } = rangeOf(range)
    const ports = await claimControlPlanePorts(folder)
    const flags = nodeLevelFlags(folder, rangeOf(range))
    const setup: NodeSetup = { binaries, nodeBinaries, ports, address: host, flags, extraArguments, range, nodes: 1 }
    await makePki(folder, [host, firstService])
    await addNodeLevelPki(folder)
    const cluster = nodeClusterIn(owned, setup)
    const node = nodeOf(owned, setup, 1, cluster)
    writeKubeconfig(schedulerKubeconfig(folder), folder, urlOf(setup), pkiFiles(folder).scheduler)
    await together([startControlPlane(owned, setup), node.boot()])
    await together([cluster.start('kube-scheduler'), node.join(), defaultAccount(cluster)])
    writeSetup(folder, setup)
    return cluster
  })
}

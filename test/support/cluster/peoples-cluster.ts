import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { cacheRoot } from './cache.ts'
import { type Cluster, connectCluster, startCluster } from './cluster.ts'
import { withLock } from './file-lock.ts'
import { busyboxImage } from './images/images.ts'
import { connectNodeCluster, isNodeSetup } from './node/cluster.ts'
import { bestLevel } from './node/requirements.ts'
import { startNodeCluster } from './node/start.ts'
import { showProgress } from './progress.ts'
import { removeLeftovers, runFolders } from './run-folder.ts'
import { readSetup } from './setup-file.ts'

export type Level = 'api' | 'node'

export interface PeoplesCluster {
  level: Level
  folder: string
  kubeconfig: string
  url: string
  kubectlProgram: string
  /** Names of the images that were loaded for pods. */
  images: string[]
  /** Node names. */
  nodes: string[]
  get: Cluster['get']
  stop(): Promise<void>
}

/** The cluster that `up` started; undefined when there is none. What is left of a dead one is removed. */
export async function findPeoplesCluster(): Promise<PeoplesCluster | undefined> {
  const parent = parentFolder()
  removeLeftovers(parent)
  const [folder] = runFolders(parent)
  return folder === undefined ? undefined : describe(folder)
}

/**
 * Starts a cluster that outlives this process, or finds the one that runs. Throws when that one is of another level
 * than the one asked for.
 */
export async function startPeoplesCluster(level: Level | undefined): Promise<PeoplesCluster> {
  let found: PeoplesCluster | undefined
  // Whoever asks a second time while the first one starts waits for it.
  await withLock(join(parentFolder(), 'lock'), async () => {
    found = (await findPeoplesCluster()) ?? (await start(level ?? bestLevel()))
  })
  if (found === undefined) throw new Error('the cluster has ended while it was started')
  if (level !== undefined && found.level !== level) {
    throw new Error(`A cluster of level ${found.level} runs. End it first: npm run cluster -- down`)
  }
  return found
}

async function start(level: Level): Promise<PeoplesCluster> {
  const done = showProgress(`starting a cluster of level ${level}`)
  try {
    const options = { parent: parentFolder(), detached: true }
    if (level === 'api') return await describe((await startCluster(options)).folder)
    const cluster = await startNodeCluster(options)
    await cluster.loadImage((await busyboxImage()).file)
    return await describe(cluster.folder)
  } finally {
    done()
  }
}

async function describe(folder: string): Promise<PeoplesCluster> {
  const setup = readSetup(folder)
  const common = { folder, kubectlProgram: setup.binaries.kubectl }
  if (!isNodeSetup(setup)) {
    const { kubeconfig, url, get, stop } = await connectCluster(folder)
    return { ...common, level: 'api', kubeconfig, url, get, stop, images: [], nodes: [] }
  }
  const { kubeconfig, url, get, stop, nodes } = await connectNodeCluster(folder)
  const { name } = await busyboxImage()
  const names = nodes.map((node) => node.name)
  return { ...common, level: 'node', kubeconfig, url, get, stop, images: [name], nodes: names }
}

/** In the cache folder rather than the temporary one, which every user can write to. */
function parentFolder(): string {
  const folder = join(cacheRoot(), 'clusters')
  mkdirSync(folder, { recursive: true })
  return folder
}

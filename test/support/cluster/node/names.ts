import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export const PREFIX = 'mio-'

/**
 * What a cluster has outside its run folder is named after the folder, so that whoever finds the folder can remove it
 * all, however early its owner was killed. Interface names have 15 characters at most.
 */
export function namesOf(folder: string) {
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 8)
  return {
    /** The bridge that joins this machine and the nodes. */
    bridge: `${PREFIX}${hash}`,
    /** This machine's end of a node's cable. */
    cable: (number: number) => `${PREFIX}${hash}-${number}`,
    /** Below it are the cgroups of every node and pod. */
    cgroup: `migrate-io-${hash}`,
  }
}

export const NODES = 'nodes'

/** Where a node keeps its files. */
export function homeOf(folder: string, number: number): string {
  return join(folder, NODES, String(number))
}

/** Whether something may have been made outside of the folder. */
export function hasNodes(folder: string): boolean {
  return existsSync(join(folder, NODES)) || existsSync(`/sys/class/net/${namesOf(folder).bridge}`)
}

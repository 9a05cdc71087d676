import { removeCgroup } from './cgroups.ts'
import { hasNodes, namesOf } from './names.ts'
import { removeNetwork } from './network.ts'

/**
 * Removes what a cluster has outside its run folder, once its processes have ended. Its mounts, its namespaces and what
 * is in them (pods' interfaces, kube-proxy's rules) have then gone by themselves.
 */
export function removeTraces(folder: string): void {
  if (!hasNodes(folder)) return
  removeNetwork(folder)
  removeCgroup(namesOf(folder).cgroup)
}

import { readdirSync, readFileSync } from 'node:fs'
import type { Pod } from '../../../src/kube/objects.ts'
import { ours } from './site.ts'

/**
 * Ends our container in a pod as the kernel does when memory runs out: SIGKILL from outside, since a first process gets no
 * such signal from inside. The node's processes are this machine's.
 */
export function killOurs(pod: Pod): void {
  const id = ours(pod)?.containerID?.replace(/^.*:\/\//, '')
  if (!id) throw new Error(`our container in ${pod.metadata.name} has not started`)
  const first = processesIn(id).find(isFirst)
  if (first === undefined) throw new Error(`no process of container ${id} runs`)
  process.kill(first, 'SIGKILL')
}

/** Process ids as this machine has them. */
function processesIn(containerId: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && read(`/proc/${name}/cgroup`).includes(containerId))
    .map(Number)
}

/** Whether it is process 1 of the innermost namespace that it is in. */
function isFirst(pid: number): boolean {
  return /^NSpid:.*\t1$/m.test(read(`/proc/${pid}/status`))
}

/** Nothing for a process that has just ended. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

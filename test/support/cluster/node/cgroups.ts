import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ATTEMPTS = 100
const ATTEMPT_MS = 20

/** Makes the cgroup below which a kubelet makes those of its pods, in every hierarchy that this machine has. */
export function makeCgroup(name: string): void {
  for (const hierarchy of hierarchies()) {
    let path = hierarchy
    for (const part of name.split('/')) {
      const parent = path
      path = join(parent, part)
      mkdirSync(path, { recursive: true })
      // In version 1 a new cpuset has no processor and no memory, and nothing can run in it.
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        if (existsSync(join(path, file)) && !existsSync(join(path, 'cgroup.controllers'))) {
          writeFileSync(join(path, file), readFileSync(join(parent, file)))
        }
      }
    }
  }
}

/** Removes the cgroup and all below it, whose processes must have ended. Synchronous, for an exit handler. */
export function removeCgroup(name: string): void {
  for (const hierarchy of hierarchies()) removeTree(join(hierarchy, name))
}

/** The ids of the processes in the cgroup and below, without doubles. */
export function processesIn(name: string): number[] {
  const found = hierarchies().flatMap((hierarchy) => treeOf(join(hierarchy, name)).flatMap(processesOf))
  return [...new Set(found)]
}

function removeTree(path: string): void {
  for (const each of treeOf(path)) {
    for (let attempt = 1; existsSync(each); attempt++) {
      try {
        rmdirSync(each)
      } catch (error) {
        // The kernel may count a process for a moment after its end.
        if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || attempt === ATTEMPTS) throw error
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ATTEMPT_MS)
      }
    }
  }
}

/** The cgroup and all below it, the deepest first. */
function treeOf(path: string): string[] {
  if (!existsSync(path)) return []
  const below = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return [...below.flatMap(({ name }) => treeOf(join(path, name))), path]
}

function processesOf(path: string): number[] {
  return readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number)
}

/** Where the hierarchies are mounted: one in version 2, one for each controller in version 1, or both. */
function hierarchies(): string[] {
  const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  const mounts = lines.map((line) => line.split(' '))
  return mounts.flatMap(([, path, type]) => (path && /^cgroup2?$/.test(type ?? '') ? [path] : []))
}

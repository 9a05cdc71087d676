import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { type Identity, identify, isAlive } from '../identity.ts'
import { recordedProcess, recordedProcesses } from '../run-folder.ts'
import { processesIn } from './cgroups.ts'
import { namesOf } from './names.ts'

/** All that a running cluster consists of on this machine, gathered so that a test can see later that it has gone. */
export interface Evidence {
  folder: string
  /** Components, shims and what runs in containers. */
  processes: Identity[]
  cgroup: string
  interfaces: string[]
}

export function gather(folder: string): Evidence {
  const { bridge, cgroup } = namesOf(folder)
  const components = recordedProcesses(folder).flatMap((name) => recordedProcess(folder, name) ?? [])
  const machines = recordedProcesses(folder).filter((name) => /^node-\d+$/.test(name))
  const pids = machines.map((name) => pidNamespaceOf(recordedProcess(folder, name)?.pid ?? 0))
  const onMachines = allProcesses().filter((pid) => pids.includes(pidNamespaceOf(pid)))
  const inside = [...onMachines, ...processesIn(cgroup)]
  const processes = [...components, ...inside.flatMap((pid) => identify(pid) ?? [])]
  const interfaces = interfacesNow().filter((name) => name.startsWith(bridge))
  return { folder, processes, cgroup, interfaces }
}

/**
 * What of it is still there, in words. Empty when nothing is. A namespace is there as long as a process or a mount holds
 * it, so it needs no look of its own.
 */
export function remains({ folder, processes, cgroup, interfaces }: Evidence): string[] {
  const there = interfacesNow()
  return [
    ...processes.filter(isAlive).map(({ pid }) => `process ${pid}`),
    ...interfaces.filter((each) => there.includes(each)).map((each) => `interface ${each}`),
    ...globSync(`/sys/fs/cgroup/{,*/}${cgroup}`).map((path) => `cgroup ${path}`),
    ...linesOf('/proc/self/mountinfo').filter((line) => line.includes(folder)),
    ...(existsSync(folder) ? [`folder ${folder}`] : []),
  ]
}

/** What of this machine the programs of nodes would change, if they weren't kept from it. */
export function surroundings(): unknown {
  const settings = ['vm/overcommit_memory', 'vm/panic_on_oom', 'kernel/panic', 'kernel/panic_on_oops']
  return {
    settings: [...settings, 'net/ipv4/ip_forward'].map((name) => [name, linesOf(`/proc/sys/${name}`)]),
    rules: spawnSync('nft', ['list', 'ruleset'], { encoding: 'utf8' }).stdout,
  }
}

/** Where a machine with this first process sees something else than this machine does. */
export function ownMounts(init: number): string[] {
  return linesOf(`/proc/${init}/mountinfo`).map((line) => line.split(' ')[4] ?? '')
}

function pidNamespaceOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return ''
  }
}

function allProcesses(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid))
}

function interfacesNow(): string[] {
  return readdirSync('/sys/class/net')
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').trim().split('\n')
}

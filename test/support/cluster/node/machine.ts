import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Program } from '../program.ts'

/**
 * What kubelet sets in the kernel, for the whole machine and for good, unless it finds it set. So a node sees files with
 * these values there, and this machine stays as it is (`kernel.panic_on_oops`, for one, would make it restart).
 */
const KERNEL_SETTINGS = {
  'vm/overcommit_memory': 1,
  'vm/panic_on_oom': 0,
  'kernel/panic': 10,
  'kernel/panic_on_oops': 1,
  'kernel/keys/root_maxkeys': 1_000_000,
  'kernel/keys/root_maxbytes': 25_000_000,
}

/**
 * A node's first process. It sees the files of this machine but for those that programs keep outside of folders that
 * they can be told: /run, which is empty after each boot, and /var/lib and /var/log, which are kept in the node's home.
 * A shell waits for the processes that lose their parent, as a first process must.
 */
const BOOT = `
set -e
mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
mount --bind "$1/lib" /var/lib
mount --bind "$1/log" /var/log
for setting in ${Object.keys(KERNEL_SETTINGS).join(' ')}; do
  mount --bind "$1/kernel/$setting" "/proc/sys/$setting"
done
: > "$1/booted"
sleep infinity &
wait
`

/**
 * The machine that a node runs on: namespaces of its own for processes, mounts and network. When its first process ends,
 * the kernel ends all others in it, containers and their shims included, and takes away mounts and interfaces.
 */
export function machineProgram(name: string, home: string): Program {
  const separate = ['--mount', '--propagation=private', '--pid', '--fork', '--kill-child', '--mount-proc', '--net']
  return {
    name,
    command: ['unshare', ...separate, '--', 'sh', '-c', BOOT, name, home],
    isMachine: true,
    isReady: async () => existsSync(join(home, 'booted')),
  }
}

/** What the machine needs before it boots. What an earlier boot has left in /var/lib stays. */
export function prepareBoot(home: string): void {
  rmSync(join(home, 'booted'), { force: true })
  for (const name of ['lib', 'log', 'kernel/vm', 'kernel/kernel/keys']) mkdirSync(join(home, name), { recursive: true })
  for (const [setting, value] of Object.entries(KERNEL_SETTINGS)) {
    writeFileSync(join(home, 'kernel', setting), `${value}\n`)
  }
}

/** The command that runs a command on the machine with this first process. */
export function onMachine(init: number, command: string[]): string[] {
  return ['nsenter', '--target', String(init), '--mount', '--pid', '--net', '--', ...command]
}

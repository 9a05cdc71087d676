import { type SpawnOptions, spawn, spawnSync } from 'node:child_process'

let setpriv: boolean | undefined

/**
 * Like spawn, but the kernel ends the program when this process dies, even by kill -9. Where setpriv (util-linux) is
 * missing, as on macOS, it lives on until the next start removes what was left behind.
 */
export function spawnTied(command: string, args: string[], options: SpawnOptions) {
  // Busybox has a setpriv too, which doesn't know the option; so it is tried out.
  setpriv ??= spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0
  if (!setpriv) return spawn(command, args, options)
  return spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], options)
}

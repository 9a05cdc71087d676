import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { needPrograms } from '../../tooling/debian.ts'
import { cacheRoot } from '../cache.ts'
import { withLock } from '../file-lock.ts'
import { CNI_FOLDER } from './containerd.ts'

const PROGRAMS = [
  { program: 'containerd', debianPackage: 'containerd' },
  { program: 'runc', debianPackage: 'runc' },
  { program: `${CNI_FOLDER}/ptp`, debianPackage: 'containernetworking-plugins' },
  { program: 'nft', debianPackage: 'nftables' },
  { program: 'conntrack', debianPackage: 'conntrack' },
  { program: 'iptables', debianPackage: 'iptables' },
  { program: 'ip', debianPackage: 'iproute2' },
  { program: 'unshare', debianPackage: 'util-linux' },
]

/** Why no node can run on this machine, and what to do; undefined when one can. Installs nothing. */
export function obstacleToNodes(): string | undefined {
  const instead = 'A cluster without nodes (level api) runs without it'
  if (process.platform !== 'linux') return `Nodes need Linux, and this is ${process.platform}. ${instead}.`
  if (process.getuid?.() !== 0) return `Nodes need root, and this is user ${process.getuid?.()}. ${instead}.`
  const { status, stderr } = spawnSync('unshare', ['--mount', '--pid', '--fork', '--net', 'true'], { encoding: 'utf8' })
  if (status === 0) return undefined
  return `Nodes need namespaces of their own for mounts, processes and network: unshare says ${stderr?.trim()}. ${instead}.`
}

/** Makes sure that nodes can run here: installs the Debian packages that are missing. Throws, with what to do, if not. */
export async function needNodes(): Promise<void> {
  const obstacle = obstacleToNodes()
  if (obstacle) throw new Error(obstacle)
  mkdirSync(cacheRoot(), { recursive: true })
  // Of two processes that install at once, apt has one fail.
  await withLock(join(cacheRoot(), 'debian.lock'), async () => needPrograms(PROGRAMS))
}

/**
 * The highest level that this machine can run. Where that is the lower one it says why, or throws when
 * MIGRATE_IO_REQUIRE=node asks for nodes, as a CI does that must not show less than it seems.
 */
export function bestLevel(environment: NodeJS.ProcessEnv = process.env): 'api' | 'node' {
  const required = environment['MIGRATE_IO_REQUIRE'] || 'api'
  if (required !== 'api' && required !== 'node')
    throw new Error(`MIGRATE_IO_REQUIRE is ${required}; it can be node or api, which is the default`)
  const obstacle = obstacleToNodes()
  if (obstacle === undefined) return 'node'
  if (required === 'node') throw new Error(`MIGRATE_IO_REQUIRE=node, but: ${obstacle}`)
  process.stderr.write(`${obstacle}\n`)
  return 'api'
}

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { namesOf, PREFIX } from './names.ts'
import { MOST_NODES, overlap, RANGES, type Range, rangeOf } from './range.ts'

/**
 * Makes the bridge that joins this machine and the nodes, and claims a range of addresses for it. The kernel is the
 * judge: of two processes that choose the same range, one fails to add the route and chooses again.
 * @returns the number of the range
 */
export function makeNetwork(folder: string): number {
  const { bridge } = namesOf(folder)
  ip([`link add ${bridge} type bridge`, `link set ${bridge} alias ${folder} up`])
  const numbers = Array.from({ length: RANGES }, (_, number) => number)
  for (const number of numbers.toSorted(() => Math.random() - 0.5)) {
    const { all, host } = rangeOf(number)
    if (routes().some((route) => overlap(route, all))) continue
    if (ipOutcome([`route add ${all} dev ${bridge}`]) !== undefined) continue
    // Without a route of its own, which the one above already is.
    ip([`address add ${host}/24 dev ${bridge} noprefixroute`])
    return number
  }
  throw new Error(`no free range of addresses in 198.18.0.0/15: ${routes().join(', ')}`)
}

/**
 * Connects a node that has just booted. It has no default route, so nothing that runs on it gets beyond the cluster and
 * this machine, and this machine doesn't forward.
 * @param init the node's first process
 */
export function plugIn(folder: string, range: Range, number: number, init: number): void {
  const { bridge, cable } = namesOf(folder)
  const root = cable(number)
  const address = range.node(number)
  // A node that went down a moment ago may still have its cable: the kernel takes namespaces apart at leisure.
  ipOutcome([`link delete ${root}`])
  ip([
    `link add ${root} type veth peer name eth0 address ${cardOf(address)} netns ${init}`,
    `link set ${root} master ${bridge} up`,
    `route replace ${range.podsOf(number)} via ${address}`,
    ...(number === 1 ? [`route replace ${range.services} via ${address}`] : []),
  ])
  const others = Array.from({ length: MOST_NODES }, (_, index) => index + 1).filter((other) => other !== number)
  const commands = [
    'link set lo up',
    `address add ${address}/24 dev eth0`,
    'link set eth0 up',
    // kube-proxy turns these addresses into others, but the kernel wants a route before it asks kube-proxy's rules.
    `route add ${range.services} dev eth0`,
    ...others.map((other) => `route add ${range.podsOf(other)} via ${range.node(other)}`),
  ]
  const script = 'ip -batch - && echo 1 > /proc/sys/net/ipv4/ip_forward'
  must('nsenter', ['--target', String(init), '--net', '--', 'sh', '-c', script], commands)
}

/** The address of the node's network card: the same after each boot, or its neighbours would call the old one for a while. */
function cardOf(address: string): string {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))
  return `02:00:${bytes.join(':')}` // 02: locally administered
}

/** Pulls a node's cable, or plugs it in again. What runs on the node runs on. */
export function setCable(folder: string, number: number, state: 'up' | 'down'): void {
  ip([`link set ${namesOf(folder).cable(number)} ${state}`])
}

/** Removes all interfaces of the cluster, and with them their addresses and routes. */
export function removeNetwork(folder: string): void {
  const { bridge, cable } = namesOf(folder)
  for (let number = 1; number <= MOST_NODES; number++) ipOutcome([`link delete ${cable(number)}`])
  ipOutcome([`link delete ${bridge}`])
}

/** The run folders of all clusters that have a network on this machine, whether or not the folders are still there. */
export function foldersOfNetworks(): string[] {
  const links = '/sys/class/net'
  if (!existsSync(links)) return []
  const bridges = readdirSync(links).filter((name) => name.startsWith(PREFIX))
  return bridges.map((name) => readFileSync(`${links}/${name}/ifalias`, 'utf8').trim()).filter(Boolean)
}

/** Destinations of this machine's routes, but the default one. */
function routes(): string[] {
  const { stdout } = spawnSync('ip', ['-json', '-4', 'route', 'show'], { encoding: 'utf8' })
  const found = JSON.parse(stdout || '[]') as { dst: string }[]
  return found.map(({ dst }) => dst).filter((dst) => dst !== 'default')
}

function ip(commands: string[]): void {
  must('ip', ['-batch', '-'], commands)
}

/** What went wrong, or undefined. */
function ipOutcome(commands: string[]): string | undefined {
  return outcome('ip', ['-batch', '-'], commands)
}

function must(program: string, args: string[], commands: string[]): void {
  const failure = outcome(program, args, commands)
  if (failure !== undefined) throw new Error(`ip ${commands.join('; ip ')}: ${failure}`)
}

function outcome(program: string, args: string[], commands: string[]): string | undefined {
  const { error, status, stderr } = spawnSync(program, args, { input: `${commands.join('\n')}\n`, encoding: 'utf8' })
  if (error) return error.message
  return status === 0 ? undefined : stderr.trim()
}

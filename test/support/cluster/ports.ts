import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { runFolders } from './run-folder.ts'

export const LOOPBACK = '127.0.0.1'

// Below the range from which systems take the ports of outgoing connections (Linux: from 32768): a port of a component
// that is being restarted can't be taken by a passing connection.
const LOWEST = 20_000
const HIGHEST = 32_000
const ATTEMPTS = 1000

const FILE = 'ports.json'

/**
 * Claims free ports for a run folder. Two processes that choose at the same moment don't get the same one: each writes
 * its claim before it reads the others', so that at least one of them sees the conflict and chooses again.
 */
export async function claimPorts(folder: string, count: number): Promise<number[]> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const ports = randomPorts(count)
    writeFileSync(join(folder, FILE), JSON.stringify(ports))
    const claimed = claimedByOthers(folder)
    if (ports.some((port) => claimed.has(port))) continue
    const free = await Promise.all(ports.map(isFree))
    if (free.every(Boolean)) return ports
  }
  throw new Error(`found no ${count} free ports between ${LOWEST} and ${HIGHEST} on ${LOOPBACK}`)
}

function randomPorts(count: number): number[] {
  const ports = new Set<number>()
  while (ports.size < count) ports.add(LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST)))
  return [...ports]
}

function claimedByOthers(folder: string): Set<number> {
  const others = runFolders(dirname(folder)).filter((other) => other !== folder)
  return new Set(others.flatMap(claimOf))
}

function claimOf(folder: string): number[] {
  try {
    return JSON.parse(readFileSync(join(folder, FILE), 'utf8')) as number[]
  } catch {
    return []
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, LOOPBACK, () => server.close(() => resolve(true)))
  })
}

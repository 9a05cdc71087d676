import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { format, type Identity, isAlive, ownIdentity, parse, signal } from './identity.ts'
import { foldersOfNetworks } from './node/network.ts'
import { removeTraces } from './node/traces.ts'

const PREFIX = 'migrate-io-cluster-'
const NAME = /^migrate-io-cluster-(\d+-\d+)-\w+$/
const DETACHED = 'detached'
const PROCESSES = 'processes'

const KILL_LIMIT_MS = 60_000 // a node's first process waits until every container has ended
const KILL_LOOK_MS = 10

/**
 * Makes a run folder. Its name holds the identity of its owner, this process, so that there is no moment in which a
 * folder exists and nobody can tell whose it is.
 */
export function makeRunFolder(parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, `${PREFIX}${format(ownIdentity())}-`))
  for (const name of [PROCESSES, 'logs', 'pki']) mkdirSync(join(folder, name))
  return folder
}

/** From now on the folder is in use as long as one of its processes lives, no longer as long as its owner does. */
export function detachRunFolder(folder: string): void {
  writeFileSync(join(folder, DETACHED), '')
}

/** All run folders of this user in the given folder. */
export function runFolders(parent = tmpdir()): string[] {
  return readdirSync(parent)
    .filter((name) => NAME.test(name))
    .map((name) => join(parent, name))
    .filter(isOurs)
}

/**
 * Removes the run folders whose owner has died, and ends what still runs of them. Those that have left a network on the
 * machine are found wherever they stand.
 */
export function removeLeftovers(parent?: string): void {
  const withNetwork = process.getuid?.() === 0 ? foldersOfNetworks() : []
  const candidates = withNetwork.filter((folder) => NAME.test(basename(folder)) && (isOurs(folder) || !isThere(folder)))
  for (const folder of new Set([...runFolders(parent), ...candidates])) if (!isInUse(folder)) removeRunFolder(folder)
}

/**
 * Ends every process recorded in the folder, at once, and removes it and what it has elsewhere. Synchronous, so that an
 * exit handler can do it.
 */
export function removeRunFolder(folder: string): void {
  const processes = recordedProcesses(folder).flatMap((name) => recordedProcess(folder, name) ?? [])
  for (const identity of processes) signal(identity, 'SIGKILL')
  // Until then they may still write into the folder that is being removed.
  for (let waitedMs = 0; processes.some(isAlive) && waitedMs < KILL_LIMIT_MS; waitedMs += KILL_LOOK_MS) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, KILL_LOOK_MS)
  }
  removeTraces(folder)
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}

export function recordProcess(folder: string, name: string, identity: Identity): void {
  writeFileSync(join(folder, PROCESSES, name), format(identity))
}

export function recordedProcess(folder: string, name: string): Identity | undefined {
  return parse(readOr(join(folder, PROCESSES, name), ''))
}

export function isRunning(folder: string, name: string): boolean {
  const identity = recordedProcess(folder, name)
  return identity !== undefined && isAlive(identity)
}

export function recordedProcesses(folder: string): string[] {
  try {
    return readdirSync(join(folder, PROCESSES))
  } catch {
    return []
  }
}

function isInUse(folder: string): boolean {
  const owner = parse(NAME.exec(basename(folder))?.[1] ?? '')
  if (owner && isAlive(owner)) return true
  if (statSync(join(folder, DETACHED), { throwIfNoEntry: false }) === undefined) return false
  return recordedProcesses(folder).some((name) => isRunning(folder, name))
}

function isThere(folder: string): boolean {
  return lstatSync(folder, { throwIfNoEntry: false }) !== undefined
}

/** What stands in a folder decides which processes get killed, so another user's folder is never believed. */
function isOurs(folder: string): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false })
  return stat?.isDirectory() === true && (process.getuid === undefined || stat.uid === process.getuid())
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return otherwise
  }
}

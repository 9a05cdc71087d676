import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { format, type Identity, isAlive, ownIdentity, parse } from './identity.ts'

const LOOK_MS = 500

/**
 * Runs `action` while this process holds the lock file. Waits for another process that holds it, which may have done
 * the work meanwhile; so the action looks first. A dead one's lock is taken over.
 */
export async function withLock(file: string, action: () => Promise<void>): Promise<void> {
  await acquire(file)
  try {
    await action()
  } finally {
    rmSync(file, { force: true })
  }
}

async function acquire(file: string): Promise<void> {
  const own = format(ownIdentity())
  let told = false
  while (!take(file, own)) {
    const holder = holderOf(file)
    if (holder && isAlive(holder)) {
      if (!told) process.stderr.write(`waiting for process ${holder.pid}, which holds ${file}\n`)
      told = true
      await pause(LOOK_MS)
    } else {
      removeStale(file, own)
    }
  }
}

/** Written whole and then linked, so that nobody ever reads an empty lock. */
function take(file: string, own: string): boolean {
  const draft = `${file}.${own}`
  writeFileSync(draft, own)
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  } finally {
    rmSync(draft, { force: true })
  }
}

/**
 * Takes a dead process's lock away. Another process may have done so and hold the lock by now: what was moved away is
 * looked at again, and put back when its holder lives.
 */
function removeStale(file: string, own: string): void {
  const aside = `${file}.${own}.stale`
  try {
    renameSync(file, aside)
  } catch {
    return
  }
  const holder = holderOf(aside)
  if (holder && isAlive(holder)) {
    try {
      linkSync(aside, file)
    } catch {
      // A third process got it in that instant: two build, each in its own folder, and the results are the same.
    }
  }
  rmSync(aside, { force: true })
}

function holderOf(file: string): Identity | undefined {
  try {
    return parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

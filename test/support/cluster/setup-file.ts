import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Setup } from './components.ts'

const FILE = 'cluster.json'

/** Written last: a folder with this file is a cluster that was ready. */
export function writeSetup(folder: string, setup: Setup): void {
  writeFileSync(join(folder, FILE), JSON.stringify(setup, null, 2))
}

/** What the folder's cluster consists of. Throws when it isn't the folder of one that was ready. */
export function readSetup(folder: string): Setup {
  try {
    return JSON.parse(readFileSync(join(folder, FILE), 'utf8')) as Setup
  } catch (cause) {
    throw new Error(`${folder} is not the run folder of a cluster that is ready`, { cause })
  }
}

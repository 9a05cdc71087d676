import { homedir } from 'node:os'
import { join } from 'node:path'

/** The folder for what is made once per machine: programs, container images. See `MIGRATE_IO_CACHE` in README.md. */
export function cacheRoot(environment: NodeJS.ProcessEnv = process.env): string {
  const { MIGRATE_IO_CACHE: own, XDG_CACHE_HOME: xdg } = environment
  return own || join(xdg || join(homedir(), '.cache'), 'migrate-io')
}

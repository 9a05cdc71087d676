import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheRoot } from './cache.ts'
import { withLock } from './file-lock.ts'
import { findGo, runGo } from './go.ts'
import { showProgress } from './progress.ts'

/**
 * A folder with these files of a Go module, such as `k8s.io/kubernetes@v1.30.14`, and nothing else of it. Downloaded by
 * Go, which checks its sum, where the cache lacks them: once per machine and version. Safe to call from several
 * processes at once.
 */
export async function moduleFiles(
  module: string,
  files: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const key = createHash('sha256').update(files.join('\n')).digest('hex').slice(0, 12)
  const folder = join(cacheRoot(environment), 'modules', `${module.replaceAll('/', '_')}-${key}`)
  if (!existsSync(folder)) {
    mkdirSync(dirname(folder), { recursive: true })
    await withLock(`${folder}.lock`, async () => {
      if (!existsSync(folder)) await download(module, files, { folder, environment })
    })
  }
  return folder
}

interface Target {
  readonly folder: string
  readonly environment: NodeJS.ProcessEnv
}

async function download(module: string, files: readonly string[], { folder, environment }: Target): Promise<void> {
  const scratch = mkdtempSync(`${folder}.downloading-`)
  const done = showProgress(`downloading ${module}, once: some seconds`)
  try {
    const go = await findGo(scratch, environment)
    // A module cache of its own, since the whole module would stay in the usual one; writable, so that it can be removed.
    const options = { GOMODCACHE: join(scratch, 'modules'), GOFLAGS: '-modcacherw', environment }
    const { Dir } = JSON.parse(await runGo(go, scratch, ['mod', 'download', '-json', module], options)) as {
      Dir: string
    }
    const kept = join(scratch, 'kept')
    for (const file of files) cpSync(join(Dir, file), join(kept, file))
    renameSync(kept, folder)
  } finally {
    done()
    rmSync(scratch, { recursive: true, force: true })
  }
}

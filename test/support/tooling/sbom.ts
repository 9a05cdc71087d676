import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './root.ts'

/**
 * Writes to stdout what the image has of npm's packages, in SPDX: `npm run --silent sbom > sbom.spdx.json`.
 *
 * `npm sbom --omit=dev` alone leaves out what is needed in production and also named for development, as @types/node is
 * (npm 11). So it is given a project that has no development.
 */

interface Project {
  devDependencies?: unknown
}

interface Lock {
  packages: Record<string, Project & { dev?: boolean }>
}

const project = read<Project>('package.json')
const lock = read<Lock>('package-lock.json')
delete project.devDependencies
delete lock.packages['']?.devDependencies
for (const [path, { dev }] of Object.entries(lock.packages)) if (dev) delete lock.packages[path]

const folder = mkdtempSync(join(tmpdir(), 'migrate-io-sbom-'))
try {
  writeFileSync(join(folder, 'package.json'), JSON.stringify(project))
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock))
  execFileSync('npm', ['sbom', '--sbom-format=spdx', '--package-lock-only'], { cwd: folder, stdio: 'inherit' })
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(join(root, name), 'utf8')) as T
}

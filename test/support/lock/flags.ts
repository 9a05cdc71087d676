import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Manifest } from '../installation/deployment.ts'

const MOUNT = '/flags'
const LOOK_SECONDS = 0.1

/** What a test tells the commands of its pods while they run, on any node: a file that is there or isn't. */
export interface Flags {
  raise(name: string): void
  lower(name: string): void
  /** Gives all containers of the template sight of them. */
  mount(manifest: Manifest): void
}

/** To be called in a test or a suite. */
export function openFlags(): Flags {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-flags-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  return {
    raise: (name) => writeFileSync(join(folder, name), ''),
    lower: (name) => rmSync(join(folder, name), { force: true }),
    mount({ spec: { template } }) {
      const { spec } = template
      spec.volumes = [...(spec.volumes ?? []), { name: 'flags', hostPath: { path: folder, type: 'Directory' } }]
      for (const container of spec.containers)
        container.volumeMounts = [...(container.volumeMounts ?? []), { name: 'flags', mountPath: MOUNT }]
    },
  }
}

/** A shell command that succeeds while the flag is up. The name may hold variables of the shell. */
export function isUp(name: string): string {
  return `[ -e "${MOUNT}/${name}" ]`
}

/** A shell command that returns when the flag is up. */
export function waitsFor(name: string): string {
  return `until ${isUp(name)}; do sleep ${LOOK_SECONDS}; done`
}

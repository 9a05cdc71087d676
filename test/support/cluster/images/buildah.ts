import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { needPrograms } from '../../tooling/debian.ts'

const RUN = promisify(execFile)
const BUILD_LIMIT_MS = 900_000
const OUTPUT_BYTES = 64 * 1024 * 1024
const SHOWN_CHARACTERS = 4000

export interface Build {
  /** With a Dockerfile in it. */
  readonly context: string
  /** The base images by the names that the Dockerfile has for them: they are not fetched from anywhere. */
  readonly bases: { readonly file: string; readonly names: readonly string[] }
  readonly name: string
  readonly arguments: Readonly<Record<string, string>>
  /** Files by the ids that the Dockerfile mounts them by. */
  readonly secrets: Readonly<Record<string, string>>
  /** Files of this machine that each step may read at the same path. */
  readonly mounts: readonly string[]
}

/**
 * Builds an image with buildah, without a daemon or a container engine, in a store below `scratch`, and writes it into a
 * folder as an OCI layout. Nothing in it says when it was made.
 * @throws Error with the end of what was written when a step fails
 */
export async function build(layout: string, options: Build, scratch: string): Promise<void> {
  needPrograms([{ program: 'buildah', debianPackage: 'buildah' }])
  const store = ['--root', join(scratch, 'store'), '--runroot', join(scratch, 'run'), '--storage-driver', 'vfs']
  const buildah = (...args: readonly string[]) => run([...store, ...args])
  for (const name of options.bases.names) {
    const id = await buildah('pull', '--quiet', `oci-archive:${options.bases.file}:${tagOf(name)}`)
    await buildah('tag', id, name)
  }
  await buildah(
    ...['bud', '--isolation=chroot', '--pull=never', '--format=oci', '--timestamp=0', `--tag=${options.name}`],
    ...Object.entries(options.arguments).map(([name, value]) => `--build-arg=${name}=${value}`),
    ...Object.entries(options.secrets).map(([id, file]) => `--secret=id=${id},src=${file}`),
    ...options.mounts.map((file) => `--volume=${file}:${file}:ro`),
    options.context,
  )
  await buildah('push', '--quiet', options.name, `oci:${layout}:${tagOf(options.name)}`)
}

/** What `writeLayout` has images found by. */
function tagOf(name: string): string {
  return name.slice(name.lastIndexOf(':') + 1)
}

async function run(args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await RUN('buildah', args, { timeout: BUILD_LIMIT_MS, maxBuffer: OUTPUT_BYTES })
    return stdout.trim()
  } catch (error) {
    const { stdout = '', stderr = String(error) } = error as { stdout?: string; stderr?: string }
    throw new Error(`buildah failed:\n${stdout.slice(-SHOWN_CHARACTERS)}\n${stderr.slice(-SHOWN_CHARACTERS)}`)
  }
}

import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root as project } from '../../tooling/root.ts'
import { showProgress } from '../progress.ts'
import { build } from './buildah.ts'
import { cached, codeOf } from './cached.ts'
import type { Image } from './image.ts'
import { nodeBaseIngredients, writeNodeBases } from './node-base.ts'
import { machinesNpm, type Npm } from './npm.ts'
import { PLAIN_MODES, packFolder } from './tar.ts'

/** What decides what is built, beside src. */
const CONTEXT = ['.dockerignore', 'Dockerfile', 'LICENSE', 'package-lock.json', 'package.json', 'tsconfig*.json']

/** What a release would say of itself. */
export const REVISION = '0123456789abcdef0123456789abcdef01234567'
export const SOURCE = 'https://example.com/migrate-io'

export interface MigrateIoOptions {
  /** The folder that is built: one with all that the Dockerfile reads. Default: this project's root. */
  readonly root?: string
  /** Default: what the manifests in deploy/ name, so that they find it on the node as they are. */
  readonly name?: string
}

const { version: VERSION } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { version: string }
/** As in deploy/. */
export const MIGRATE_IO_NAME = `ghcr.io/migrate-io/migrate-io:${VERSION}`

/**
 * Our own image, as the Dockerfile makes it. Only the two bases are stand-ins, and packages come by this machine's npm.
 * Made once for each state of the source, which takes half a minute.
 */
export async function migrateIoImage(options: MigrateIoOptions = {}): Promise<Image> {
  const { root = project, name = MIGRATE_IO_NAME } = options
  const files = globSync([...CONTEXT, 'src/**/*.*'], { cwd: root }).sort()
  const npm = machinesNpm()
  const file = await cached({
    name: name.replaceAll('/', '-').replace(':', '-'),
    ingredients: [
      ...codeOf('migrate-io.ts', 'buildah.ts', 'node-base.ts', 'layout.ts', 'tar.ts'),
      ...nodeBaseIngredients(npm),
      name,
      ...files.flatMap((path) => [path, readFileSync(join(root, path))]),
    ],
    make: async (draft, scratch) => {
      const done = showProgress(`building ${name} from the Dockerfile`)
      try {
        await make(draft, { root, name, npm }, scratch)
      } finally {
        done()
      }
    },
  })
  return { name, file }
}

async function make(draft: string, { root, name, npm }: { root: string; name: string; npm: Npm }, scratch: string) {
  const bases = basesOf(readFileSync(join(root, 'Dockerfile'), 'utf8'))
  const [basesFile, npmrc, layout] = [join(scratch, 'bases.tar'), join(scratch, 'npmrc'), join(scratch, 'image')]
  await writeNodeBases(basesFile, bases, npm, scratch)
  writeFileSync(npmrc, npm.settings, { mode: 0o600 })
  const given = {
    context: root,
    bases: { file: basesFile, names: Object.values(bases) },
    name,
    arguments: { VERSION, REVISION, SOURCE },
    secrets: { npmrc },
    mounts: npm.certificates,
  }
  await build(layout, given, scratch)
  nameForContainerd(join(layout, 'index.json'), name)
  await packFolder(layout, draft, PLAIN_MODES)
}

/** The images that the Dockerfile starts from when nobody says otherwise. */
function basesOf(dockerfile: string): { build: string; final: string } {
  const byDefault = (argument: string) => {
    const [, value] = new RegExp(`^ARG ${argument}=(\\S+)$`, 'm').exec(dockerfile) ?? []
    if (value === undefined) throw new Error(`the Dockerfile has no line ARG ${argument}=IMAGE`)
    return value
  }
  return { build: byDefault('BUILD_IMAGE'), final: byDefault('BASE_IMAGE') }
}

/** buildah writes the tag only, and containerd would make a name of its own. */
function nameForContainerd(indexFile: string, name: string): void {
  const index = JSON.parse(readFileSync(indexFile, 'utf8')) as { manifests: { annotations?: Record<string, string> }[] }
  for (const manifest of index.manifests)
    manifest.annotations = { ...manifest.annotations, 'io.containerd.image.name': name }
  writeFileSync(indexFile, JSON.stringify(index))
}

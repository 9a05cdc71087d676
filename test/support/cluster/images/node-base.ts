import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root as project } from '../../tooling/root.ts'
import { linkApplets, staticBusybox } from './busybox.ts'
import { passwdLines } from './image.ts'
import { type ImageParts, writeLayout } from './layout.ts'
import type { Npm } from './npm.ts'
import { PLAIN_MODES, packFolder } from './tar.ts'

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** The Node that this project brings; the folder is where distroless has its own. */
export const NODE = join(project, 'node_modules/node/bin/node')
const NODE_PLACE = 'nodejs/bin/node'

/** The two images that our Dockerfile starts from, by what it calls them. */
export interface NodeBases {
  readonly build: string
  readonly final: string
}

/**
 * Writes stand-ins for the bases of our Dockerfile as one OCI layout in a tar file, since no public registry is asked.
 * The final one holds Node, the libraries that it is linked to, and users, as distroless does: no shell, no npm. That of
 * the build stage has busybox and npm on top.
 */
export async function writeNodeBases(file: string, names: NodeBases, npm: Npm, scratch: string): Promise<void> {
  const [node, tools] = [join(scratch, 'node.tar'), join(scratch, 'tools.tar')]
  await packNode(node, join(scratch, 'node'))
  await packTools(tools, join(scratch, 'tools'), npm)
  const final: ImageParts = {
    name: names.final,
    layers: [node],
    config: { User: '65532', Env: [PATH], Entrypoint: [`/${NODE_PLACE}`], WorkingDir: '/home/nonroot' },
  }
  const build: ImageParts = {
    name: names.build,
    layers: [node, tools],
    config: { Env: [PATH, ...npm.environment], Cmd: ['node'] },
  }
  await writeLayout(file, [build, final], scratch)
}

async function packNode(layer: string, root: string): Promise<void> {
  for (const folder of ['dev', 'etc', 'home/nonroot', 'proc', 'root', 'sys', 'tmp', 'var/tmp'])
    mkdirSync(join(root, folder), { recursive: true })
  for (const file of librariesOf(NODE)) put(root, file.slice(1), file)
  put(root, NODE_PLACE, NODE)
  for (const [name, lines] of Object.entries(passwdLines(['root', 'nonroot'])))
    writeFileSync(join(root, 'etc', name), `${lines}\n`)
  await packFolder(root, layer, PLAIN_MODES)
}

async function packTools(layer: string, root: string, npm: Npm): Promise<void> {
  mkdirSync(join(root, 'usr/local/bin'), { recursive: true })
  mkdirSync(join(root, 'usr/bin'))
  put(root, 'bin/busybox', staticBusybox())
  linkApplets(join(root, 'bin'))
  symlinkSync('/bin/env', join(root, 'usr/bin/env')) // what scripts that npm starts name in their first line
  symlinkSync(`/${NODE_PLACE}`, join(root, 'usr/local/bin/node'))
  cpSync(npm.folder, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'))
  await packFolder(root, layer, PLAIN_MODES)
}

function put(root: string, place: string, file: string): void {
  const to = join(root, place)
  mkdirSync(dirname(to), { recursive: true })
  cpSync(realpathSync(file), to)
  chmodSync(to, 0o755)
}

/** Absolute paths, that of the dynamic linker among them. */
function librariesOf(program: string): string[] {
  const lines = execFileSync('ldd', [program], { encoding: 'utf8' }).split('\n')
  return lines.flatMap((line) => /(?:^\s*|=> )(\/\S+)/.exec(line)?.[1] ?? [])
}

/** What decides what is in the stand-ins, beside this code. */
export function nodeBaseIngredients(npm: Npm): string[] {
  const { version } = JSON.parse(readFileSync(join(project, 'node_modules/node/package.json'), 'utf8')) as {
    version: string
  }
  return [process.arch, version, npm.version]
}

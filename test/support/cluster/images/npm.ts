import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What an npm elsewhere needs in order to install as this machine's own npm does. */
export interface Npm {
  /** The package `npm`, whole: it runs on any Node. */
  readonly folder: string
  readonly version: string
  /** Lines of an npmrc. May hold credentials: never to be kept. */
  readonly settings: string
  /** Files that the settings or Node's own variable name: certificates of authorities. To be had at the same paths. */
  readonly certificates: readonly string[]
  /** What is only in the environment. */
  readonly environment: readonly string[]
}

/** @throws Error where npm's own libraries aren't in its folder, as in Debian's package */
export function machinesNpm(environment: NodeJS.ProcessEnv = process.env): Npm {
  const program = realpathSync(
    execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8', env: environment }).trim(),
  )
  const folder = dirname(dirname(program))
  if (!existsSync(join(folder, 'node_modules')))
    throw new Error(
      `${folder} is an npm without its libraries, which an image can't be built with: npm install --global npm`,
    )
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  const options = { encoding: 'utf8', env: environment, stdio: 'pipe' } as const
  const setting = (name: string) => execFileSync('npm', ['config', 'get', name], options).trim()
  const files = ['globalconfig', 'userconfig'].map(setting).filter(isThere)
  const { NODE_EXTRA_CA_CERTS: authorities } = environment
  return {
    folder,
    version,
    settings: [...files.map((file) => expanded(file, environment)), `registry=${setting('registry')}`, ''].join('\n'),
    certificates: [authorities, setting('cafile')].filter(isThere),
    environment: authorities === undefined ? [] : [`NODE_EXTRA_CA_CERTS=${authorities}`],
  }
}

/** Settings that nobody made are `null` or `undefined`, which is no file. */
function isThere(file: string | undefined): file is string {
  return file !== undefined && existsSync(file)
}

/** An npmrc may name variables, as in `_authToken=${NPM_TOKEN}`. */
function expanded(file: string, environment: NodeJS.ProcessEnv): string {
  return readFileSync(file, 'utf8').replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => environment[name] ?? whole)
}

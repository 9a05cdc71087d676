import { chmodSync, cpSync, globSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { root } from '../../tooling/root.ts'
import { cached, codeOf } from './cached.ts'
import { debianLayer } from './debian.ts'
import { type Image, userOf } from './image.ts'
import { type ImageConfig, type ImageParts, writeLayout } from './layout.ts'
import { PLAIN_MODES, packFolder } from './tar.ts'

const EXAMPLE = join(root, 'examples/flask')
const ENTRYPOINT = join(import.meta.dirname, 'postgres/docker-entrypoint.sh')
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const APP_FOLDER = 'srv/app'

/** What version 1 of the app doesn't have yet. */
const SINCE_VERSION_2 = 'migrations/versions/0004_pod_required.py'

export type FlaskVersion = '1' | '2'

/**
 * The article's app, from examples/flask. Version 1 migrates up to revision 0003, version 2 to 0004, which fails when it
 * is told to.
 */
export function flaskImage(version: FlaskVersion = '1'): Promise<Image> {
  return applicationImage(flaskName(version))
}

/** A stand-in for the official postgres image, with the same variables, user number and data folder. */
export function postgresImage(): Promise<Image> {
  return applicationImage(POSTGRES)
}

/** What lies below both of them: a Debian with dash as its shell. */
export function debianImage(): Promise<Image> {
  return applicationImage(DEBIAN)
}

const POSTGRES = 'migrate.io/postgres:test'
const DEBIAN = 'migrate.io/debian:test'

function flaskName(version: FlaskVersion): string {
  return `migrate.io/flask:${version}`
}

/** One layer, from files of this project at places of the image. */
interface Addition {
  readonly name: string
  readonly config: ImageConfig
  readonly files: Readonly<Record<string, string>>
}

/** All of them are in one file, so that the large layer is kept and imported once. */
async function applicationImage(name: string): Promise<Image> {
  const debian = await debianLayer()
  const additions = [flask('1'), flask('2'), postgres()]
  const contents = additions.flatMap(({ files }) =>
    Object.entries(files).flatMap(([place, from]) => [place, readFileSync(from)]),
  )
  const configs = additions.map((each) => JSON.stringify([each.name, each.config, Object.keys(each.files)]))
  const file = await cached({
    name: 'application',
    ingredients: [...codeOf('application.ts', 'layout.ts', 'tar.ts'), basename(debian), ...configs, ...contents],
    make: async (draft, scratch) => {
      const bare: ImageParts = { name: DEBIAN, layers: [debian], config: { Env: [PATH], Cmd: ['/bin/sh'] } }
      const images = [bare]
      for (const addition of additions) {
        const layers = [debian, await packAddition(addition, join(scratch, String(images.length)))]
        images.push({ name: addition.name, config: addition.config, layers })
      }
      await writeLayout(draft, images, scratch)
    },
  })
  return { name, file }
}

function flask(version: FlaskVersion): Addition {
  const names = globSync('{*.py,migrations/**/*.{py,ini,mako}}', { cwd: EXAMPLE }).sort()
  const own = names.filter((name) => version !== '1' || name !== SINCE_VERSION_2)
  return {
    name: flaskName(version),
    config: {
      User: userOf('app'),
      Env: [PATH, 'PYTHONDONTWRITEBYTECODE=1', 'PYTHONUNBUFFERED=1', 'FLASK_APP=app', `APP_VERSION=${version}`],
      WorkingDir: `/${APP_FOLDER}`,
      Cmd: ['gunicorn'],
      ExposedPorts: { '5000/tcp': {} },
    },
    files: Object.fromEntries(own.map((name) => [`${APP_FOLDER}/${name}`, join(EXAMPLE, name)])),
  }
}

function postgres(): Addition {
  return {
    name: POSTGRES,
    config: {
      User: userOf('postgres'),
      Env: [PATH, 'PGDATA=/var/lib/postgresql/data'],
      Entrypoint: ['docker-entrypoint.sh'],
      ExposedPorts: { '5432/tcp': {} },
      StopSignal: 'SIGINT', // stops at once; on SIGTERM PostgreSQL waits for its clients to leave
    },
    files: { 'usr/local/bin/docker-entrypoint.sh': ENTRYPOINT },
  }
}

async function packAddition({ files }: Addition, folder: string): Promise<string> {
  for (const [place, from] of Object.entries(files)) {
    const to = join(folder, place)
    mkdirSync(dirname(to), { recursive: true })
    cpSync(from, to)
    if (place.endsWith('.sh')) chmodSync(to, 0o755)
  }
  await packFolder(folder, `${folder}.tar`, PLAIN_MODES)
  return `${folder}.tar`
}

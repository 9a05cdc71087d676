import assert from 'node:assert/strict'
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { migrateIoImage } from '../../support/cluster/images/images.ts'
import { REVISION, SOURCE } from '../../support/cluster/images/migrate-io.ts'
import { listTar, readLayout } from '../../support/cluster/images/unpacked.ts'
import { bytesIn, identities, lockedPackages, packagesIn, unpackOwnLayer } from '../../support/image/layer.ts'
import { root } from '../../support/tooling/root.ts'

const LAYER_LIMIT_BYTES = 60e6

const folder = mkdtempSync(join(tmpdir(), 'migrate-io-image-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const { name, file } = await migrateIoImage()
const [image = assert.fail('there is no image'), ...others] = readLayout(file, join(folder, 'layout'))
const layer = unpackOwnLayer(image, join(folder, 'layer'))
const app = join(layer, 'app')

/** ADR 13. */
const FLAGS = ['--no-maglev', '--no-concurrent-recompilation', '--no-parallel-scavenge']

test('the image is started as a number that is not root, without a shell, and names nothing of this machine', () => {
  assert.deepEqual(others, [])
  assert.equal(image.name, name)
  const { Labels: _, ...config } = image.config
  assert.deepEqual(config, {
    User: '65532:65532',
    Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'NODE_ENV=production'],
    Entrypoint: ['/nodejs/bin/node', ...FLAGS, '/app/dist/main.js'],
    Cmd: ['--help'],
    WorkingDir: '/app',
  })
})

test('the labels say what it is, and which source it was made from', () => {
  const labels = Object.entries(image.config.Labels ?? {}).flatMap(([key, value]) => {
    const [, short] = /^org\.opencontainers\.image\.(.*)$/.exec(key) ?? []
    return short === undefined ? [] : [[short, value]]
  })
  const { version, description, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  assert.deepEqual(Object.fromEntries(labels), {
    title: 'migrate-io',
    description,
    version,
    revision: REVISION,
    source: SOURCE,
    licenses: license,
  })
})

test('S5: one layer of our own: the program, the licence and the production packages of the lock file, nothing else', () => {
  assert.equal(image.layers.length, 2)
  assert.deepEqual(readdirSync(layer), ['app'])
  assert.deepEqual(readdirSync(app).sort(), ['LICENSE', 'dist', 'node_modules', 'package.json'])
  const locked = lockedPackages(join(root, 'package-lock.json'))
  assert.deepEqual(identities(packagesIn(app)), identities(locked))
  const modules = globSync('**/*.ts', { cwd: join(root, 'src') }).map((path) => path.replace(/\.ts$/, '.js'))
  const compiled = globSync('**/*.*', { cwd: join(app, 'dist') })
  assert.deepEqual(compiled.sort(), modules.sort())
})

test('S5: no package wants a script at its installation, and none was run', () => {
  const wanting = packagesIn(app).filter(({ scripts = {} }) =>
    ['preinstall', 'install', 'postinstall'].some((each) => each in scripts),
  )
  assert.deepEqual(identities(wanting), [])
  const installs = readFileSync(join(root, 'Dockerfile'), 'utf8').match(/npm (ci|install|i|rebuild)\b.*/g) ?? []
  assert.equal(installs.length, 2)
  for (const each of installs) assert.match(each, /^npm ci .*--ignore-scripts/)
})

test('S5: no settings of npm, keys, shells, npm or sources, in our layer or below it', () => {
  const entries = image.layers.flatMap((each) => listTar(each).map((line) => line.split(' -> ')[0] ?? ''))
  for (const unwanted of [
    /\/\.npmrc$/,
    /\.(pem|key|crt)$/,
    /\brun\/secrets\b/,
    /bin\/(sh|bash|dash|ash|busybox|npm|npx|apt|apt-get)$/,
    /\.d\.ts$/,
    / app\/(src|test|certs|deploy|\.git)\b/,
  ])
    assert.deepEqual(
      entries.filter((entry) => unwanted.test(entry)),
      [],
      String(unwanted),
    )
})

test('everybody may read our layer and only root may write it', () => {
  const entries = listTar(image.layers.at(-1) ?? '')
  const others = entries.filter((entry) => !/^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--|lrwxrwxrwx) 0\/0 /.test(entry))
  assert.deepEqual(others, [])
})

test('our own layer is below 60 MB', (t) => {
  const own = statSync(image.layers.at(-1) ?? '').size
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`
  t.diagnostic(`own layer: ${megabytes(own)}, ${megabytes(image.layerBytes.at(-1) ?? 0)} compressed`)
  t.diagnostic(`the program: ${megabytes(bytesIn(join(app, 'dist')))}`)
  const packages = globSync(['node_modules/[!@]*', 'node_modules/@*/*'], { cwd: app })
  const sizes = packages.map((path) => ({ path, bytes: bytesIn(join(app, path)) })).sort((a, b) => b.bytes - a.bytes)
  for (const { path, bytes } of sizes.slice(0, 8)) t.diagnostic(`${path}: ${megabytes(bytes)}`)
  assert.ok(own < LAYER_LIMIT_BYTES, megabytes(own))
})

test('only what the Dockerfile copies is given to the builder', () => {
  const [all, ...allowed] = lines('.dockerignore').filter((line) => !line.startsWith('#'))
  assert.equal(all, '*')
  const copied = lines('Dockerfile')
    .filter((line) => /^COPY (?!--from)/.test(line))
    .flatMap((line) => line.split(' ').slice(1, -1))
  assert.deepEqual(
    allowed,
    [...new Set(copied)].sort().map((path) => `!${path}`),
  )
})

function lines(path: string): string[] {
  return readFileSync(join(root, path), 'utf8').trim().split('\n')
}

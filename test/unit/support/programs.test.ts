import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, suite, test } from 'node:test'
import { stringify } from 'yaml'
import { migrateIo } from '../../support/cli/run-cli.ts'
import { root } from '../../support/tooling/root.ts'

/** What `npm run` starts, where the machine lacks something or it is told what it can't do. */

const folder = mkdtempSync(join(tmpdir(), 'migrate-io-programs-'))
after(() => rmSync(folder, { recursive: true }))

const { scripts } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { scripts: Record<string, string> }

/** All programs of this machine but these. */
function pathWithout(name: string, ...missing: readonly string[]): string {
  const links = join(folder, name)
  mkdirSync(links)
  for (const place of (process.env['PATH'] ?? '').split(delimiter).filter((each) => each !== ''))
    for (const program of namesIn(place))
      if (!missing.includes(program))
        try {
          symlinkSync(join(place, program), join(links, program))
        } catch {
          // The first one in PATH counts.
        }
  return links
}

function namesIn(place: string): readonly string[] {
  try {
    return readdirSync(place)
  } catch {
    return []
  }
}

const BARE = { KUBEBUILDER_ASSETS: '', MIGRATE_IO_CACHE: join(folder, 'cache'), MIGRATE_IO_STACK: '' }
const NO_GO = { ...BARE, PATH: pathWithout('no-go', 'go', 'apt-get') }
const NO_NPM = { PATH: pathWithout('no-npm', 'npm') }
/** Where nobody can make a folder, root included. */
const NO_CACHE = { ...BARE, MIGRATE_IO_CACHE: '/dev/null/cache' }

const KUBECONFIG = {
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'c',
  contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'u', user: {} }],
}

/** By its path, so that it starts where PATH lacks it. */
const npm = spawnSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).stdout.trim()

function run(script: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd = root) {
  // As in a terminal: what this process is to a test runner is of no concern to it.
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...own } = process.env
  const command = ['run', '--silent', script, '--', ...args]
  return spawnSync(npm, command, { cwd, env: { ...own, ...BARE, ...env }, encoding: 'utf8', timeout: 120_000 })
}

const GO_MISSING = /: The programs of Kubernetes are built with Go, and there is no go\. Install Go/
const CASES: readonly (readonly [script: string, args: readonly string[], env: NodeJS.ProcessEnv, says: RegExp])[] = [
  ['demo', [], NO_GO, GO_MISSING],
  ['demo', ['--node', '--keeep'], {}, /^demo: Unknown option '--keeep'/],
  [
    'demo',
    [],
    NO_CACHE,
    /^demo: the second part is left out, since there is no API server: ENOTDIR: .*\/dev\/null\/cache/,
  ],
  ['cluster', ['up', '--level', 'api'], NO_GO, /^The programs of Kubernetes .* there is no go/],
  ['cluster', ['up', '--level', 'api'], NO_CACHE, /ENOTDIR: .*\/dev\/null\/cache/],
  ['cluster', ['up', '--level', 'x'], {}, /argument 'x' is invalid\. Allowed choices are api, node/],
  ['cluster', ['upp'], {}, /unknown command 'upp'/],
  ['bench:admission', ['--shrt'], {}, /^bench:admission: Unknown option '--shrt'/],
  ['bench:admission', ['--servers', 'x'], {}, /^bench:admission: --servers is some of .*, not x/],
  ['bench:rollout', ['--shrt'], {}, /^bench:rollout: Unknown option '--shrt'/],
  ['bench:rollout', ['--short'], NO_CACHE, /^bench:rollout: .*/],
  ['simulate', ['--seed', 'x'], {}, /^simulate: seeds are N or FROM\.\.TO/],
  ['simulate', ['--seeds', '-1'], {}, /^simulate: /],
  ['simulate', ['--from', ''], {}, /^simulate: Unknown option '--from'/],
  ['model', ['--quik'], {}, /^model: Unknown option '--quik'/],
  ['certs', ['--out', '/dev/null/out'], {}, /^certs: ENOTDIR: .*\/dev\/null\/out/],
  ['certs', ['--days', 'x'], {}, /'x' is invalid\. Must be a whole number/],
  ['certs', ['--days', '0', '--out', folder], {}, /^error: /],
  ['generate', ['--chek'], {}, /^generate: Unknown option '--chek'/],
  ['check', ['--no-test'], {}, /^check: Unknown option '--no-test'/],
  ['sbom', [], NO_NPM, /^sbom: there is no program npm: install it/],
  ['test', ['test/none.test.ts'], {}, /^test: ENOENT: .*test\/none\.test\.ts/],
  ['test', ['test'], {}, /^test: EISDIR/],
  ['test', ['--name', '(', 'test/unit/docs/links.test.ts'], {}, /^test: Invalid regular expression/],
  ['test', ['--fats'], {}, /^test: Unknown option '--fats'/],
  [
    'test',
    ['--level', 'all-of-it'],
    {},
    /^test: --level is all-of-it: it must be one of unit, api, node, nightly, all/,
  ],
  ['test:api', ['test/api/kube/watch.test.ts'], NO_GO, GO_MISSING],
  ['test:node', ['--fats'], {}, /^test:node: Unknown option '--fats'/],
  ['test:all', ['--fats'], {}, /^test:all: Unknown option '--fats'/],
  ['test:soak', ['--fats'], {}, /^test:soak: Unknown option '--fats'/],
  ['test:nightly', ['--shrt'], {}, /^test:nightly: Unknown option '--shrt'/],
  ['chaos', ['x'], {}, /^chaos: "x" is not a whole number/],
  ['test:mutations', ['--aplies'], {}, /^test:mutations: Unknown option '--aplies'/],
]

suite('no program that people start ends with a stack trace where the machine or its user is the cause', () => {
  for (const [script, args, env, says] of CASES)
    test(`npm run ${[script, ...args].join(' ')}${env === NO_GO ? ' without Go' : env === NO_CACHE ? ' without a folder to write to' : ''}`, () => {
      const { status, stderr } = run(script, args, env)
      assert.ok(status !== 0 && status !== null, `exit code ${status}`)
      assert.doesNotMatch(stderr, /^\s+at |node:internal/m)
      assert.equal(stderr.split('\n').filter((line) => says.test(line)).length, 1, stderr)
    })

  test('each of them is loaded so, and none was forgotten here', () => {
    const own = Object.entries(scripts).filter(([, command]) => command.startsWith('node '))
    for (const [name, command] of own) {
      assert.match(command, /^node --import \.\/test\/support\/tooling\/program\.mjs /, name)
      assert.ok(
        CASES.some(([script]) => script === name),
        name,
      )
    }
  })

  test('npm ci forgotten, in a copy without packages', () => {
    const copy = join(folder, 'copy')
    mkdirSync(join(copy, 'test/support/tooling'), { recursive: true })
    for (const file of ['package.json', 'test/support/tooling/program.mjs']) cpSync(`${root}/${file}`, join(copy, file))
    const { status, stderr } = run('demo', [], {}, copy)
    assert.deepEqual([status, stderr], [1, 'demo: the packages are missing: run npm ci first\n'])
  })
})

suite('no command of migrate-io does either', () => {
  const [garbage, nowhere] = [join(folder, 'garbage.yaml'), join(folder, 'nowhere.yaml')]
  writeFileSync(garbage, 'garbage: [')
  writeFileSync(nowhere, stringify(KUBECONFIG))
  const tls = (file: string) => ['--port', '0', '--tls-cert-file', file, '--tls-private-key-file', file]
  const WRONG: readonly (readonly [args: readonly string[], code: number, says: RegExp])[] = [
    ...['inject', 'uninject', 'explain'].flatMap((command): [string[], number, RegExp][] => [
      [[command, '-f', `${garbage}/x`], 1, /^migrate-io \w+: .*ENOTDIR/],
      [[command, '-f', garbage], 1, /^migrate-io \w+: .*garbage\.yaml: line \d+, column \d+: /],
      [[command, '-f', '/proc/self/mem'], 1, /^migrate-io \w+: .*EIO/],
    ]),
    ...[
      ['status'],
      ['logs', 'web'],
      ['rerun', 'web', '-y'],
      ['unlock', 'web'],
      ['uninject', '-A', '-y'],
      ['controller'],
    ].flatMap((command): [string[], number, RegExp][] => [
      [[...command, '--kubeconfig', folder], 1, /^migrate-io \w+: cannot read the kubeconfig .*EISDIR/],
      [[...command, '--kubeconfig', garbage], 1, /^migrate-io \w+: the file .*garbage\.yaml isn't a kubeconfig: /],
      ...(command[0] === 'controller'
        ? []
        : ([[[...command, '--kubeconfig', nowhere], 1, /^migrate-io \w+: .*ECONNREFUSED/]] as [
            string[],
            number,
            RegExp,
          ][])),
    ]),
    [['status', '-o', 'xml'], 2, /'xml' is invalid\. Allowed choices are/],
    [['status', 'WEB'], 2, /Must be the name of a Deployment/],
    [['unlock'], 2, /name either a Deployment or a lock/],
    [['controller', '--port', '99999'], 2, /Must be a whole number from 0 to 65535/],
    [['webhook', ...tls(folder)], 1, /^migrate-io webhook: cannot read .*EISDIR/],
    [['webhook', ...tls(garbage)], 1, /^migrate-io webhook: .*contains no PEM certificate/],
  ]
  for (const [args, code, says] of WRONG)
    test(`migrate-io ${args.join(' ').replaceAll(folder, 'FOLDER')}`, () => {
      const result = migrateIo(args)
      assert.deepEqual([result.code, result.stdout], [code, ''])
      assert.doesNotMatch(result.stderr, /^\s+at /m)
      const lines = result.stderr.trim().split('\n')
      assert.equal(lines.length, code === 2 ? 2 : 1, result.stderr)
      assert.match(lines[0] ?? '', says)
    })
})

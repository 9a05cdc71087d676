import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { migrateIo } from '../../support/cli/run-cli.ts'

const folder = mkdtempSync(join(tmpdir(), 'migrate-io-cli-'))
after(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const DEPLOYMENT = `# The app.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: flask   # its name
  annotations:
    migrate.io/command: flask db upgrade
spec:
  replicas: 3
  selector: {matchLabels: {app: flask}}
  template:
    metadata:
      labels: {app: flask}
    spec:
      containers:
      - name: flask
        image: "docker.io/project/my-flask-app"   # quoted
`
const SERVICE = `apiVersion: v1
kind: Service
metadata: {name:   flask}   # odd spaces
`
const BARE = DEPLOYMENT.replace(/ {2}annotations:\n.*\n/, '')

test('A12: inject prints many documents, and leaves what it does not inject byte for byte', () => {
  const input = `${SERVICE}---\n${DEPLOYMENT}---\n# nothing here\n---\n${BARE}`
  const { code, stdout, stderr } = migrateIo(['inject', '-f', '-'], input)
  assert.equal(stderr, '')
  assert.equal(code, 0)
  const documents = stdout.split('---\n')
  assert.equal(documents[0], SERVICE)
  assert.equal(documents[2], '# nothing here\n')
  assert.equal(documents[3], BARE)
  const lines = stdout.split('\n')
  for (const line of input.split('\n').filter((line) => !line.includes('labels:')))
    assert.ok(lines.includes(line), `the line ${line} was changed`)
  assert.match(documents[1] ?? '', /- name: migrate-io\n\s+image: "?docker.io\/project\/my-flask-app/)
})

test('A12: uninject is the inverse of inject, byte for byte', () => {
  const input = `${SERVICE}---\n${DEPLOYMENT}`
  const injected = migrateIo(['inject', '-f', '-'], input).stdout
  assert.notEqual(injected, input)
  assert.deepEqual(migrateIo(['uninject', '-f', '-'], injected), { code: 0, stdout: input, stderr: '' })
})

test('A12: any refusal leaves standard output empty and says where and why', () => {
  const good = file('good.yaml', DEPLOYMENT)
  const bad = file(
    'bad.yaml',
    `${SERVICE}---\n${DEPLOYMENT.replace('flask db upgrade', '""').replace('migrate.io/', 'migrate.io/timeout: 5x\n    migrate.io/')}`,
  )
  const { code, stdout, stderr } = migrateIo(['inject', '-f', good, bad])
  assert.equal(stdout, '')
  assert.equal(code, 1)
  assert.match(
    stderr,
    /^refused: .*bad\.yaml, document 2 \(line \d+\), Deployment flask: .*migrate\.io\/timeout.*"5x"/m,
  )
  assert.match(stderr, /^refused: .*migrate\.io\/command.*is empty; allowed:/m)
  assert.match(stderr, /1 of 2 Deployments refused, nothing written/)
})

test('A12: warnings go to standard error and do not stop the output', () => {
  const own = DEPLOYMENT.replace('  replicas: 3', '  replicas: 3\n  strategy: {type: Recreate}')
  const { code, stdout, stderr } = migrateIo(['inject', '-f', '-'], own)
  assert.equal(code, 0)
  assert.match(stdout, /name: migrate-io/)
  assert.match(
    stderr,
    /^warning: standard input, document 1 \(line 2\), Deployment flask: spec\.strategy \(Recreate\) stays/,
  )
})

test('A12: -f takes several files and folders, and joins them as documents', () => {
  const manifests = mkdtempSync(join(folder, 'many-'))
  writeFileSync(join(manifests, 'a.yaml'), SERVICE.trimEnd())
  writeFileSync(join(manifests, 'b.yml'), DEPLOYMENT)
  writeFileSync(join(manifests, 'notes.txt'), 'not a manifest: [')
  const { code, stdout } = migrateIo(['inject', '-f', manifests, '-f', file('c.yaml', BARE)])
  assert.equal(code, 0)
  const documents = stdout.split('---\n')
  assert.deepEqual([documents.length, documents[0], documents[2]], [3, SERVICE, BARE])
})

test('A12: explain says for each Deployment whether and why, and changes nothing', () => {
  const injected = migrateIo(['inject', '-f', '-'], DEPLOYMENT).stdout
  const bad = DEPLOYMENT.replace('migrate.io/command', 'migrate.io/comand')
  const input = [DEPLOYMENT, BARE, injected, bad].join('---\n')
  const { code, stdout, stderr } = migrateIo(['explain', '-f', '-'], input)
  assert.equal(stderr, '')
  assert.equal(code, 1)
  assert.match(
    stdout,
    /document 1 \(line 2\), Deployment flask: would be injected\n {2}migrate.io\/command: flask db upgrade\n {2}spec.strategy: /,
  )
  assert.match(stdout, /document 2 .*: would be left alone, because it has no annotation migrate.io\/command\n/)
  assert.match(stdout, /document 3 .*: is injected already and would stay as it is\n/)
  assert.match(stdout, /document 4 .*: would be refused, because .*\n.*did you mean migrate.io\/command\?/)
})

test('A12: wrong usage exits 2, what cannot be read exits 1, each with one clear line and no stack trace', () => {
  const wrong: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['inject'], 2, /-f, --filename/],
    [['inject', '-x', '-f', '-'], 2, /unknown option '-x'/],
    [['injekt'], 2, /unknown command 'injekt'/],
    [['inject', '-f', join(folder, 'none.yaml')], 1, /none\.yaml: no such file or folder/],
    [['inject', '-f', mkdtempSync(join(folder, 'empty-'))], 1, /has no \.yaml, \.yml or \.json file/],
    [['inject', '-f', file('tab.yaml', 'a:\n\tb: 1\n')], 1, /tab\.yaml: line 2, column 1: a tab/],
    [
      ['explain', '-f', file('twice.yaml', 'a: 1\na: 2\n')],
      1,
      /twice\.yaml: line 2, column 1: a key that appears twice/,
    ],
    [
      ['uninject', '-f', file('latin.yaml', Buffer.from([0x61, 0x3a, 0x20, 0xe4, 0x0a]))],
      1,
      /latin\.yaml: this is not UTF-8 text/,
    ],
  ]
  for (const [args, code, message] of wrong) {
    const result = migrateIo(args)
    assert.equal(result.code, code, args.join(' '))
    assert.match(result.stderr, message)
    assert.doesNotMatch(result.stderr, /\n\s+at /)
    assert.equal(result.stdout, '')
  }
})

test('A12: --help shows each command with examples, annotations and exit codes', () => {
  for (const command of ['inject', 'uninject', 'explain', 'webhook']) {
    const { code, stdout } = migrateIo([command, '--help'])
    assert.equal(code, 0)
    assert.match(stdout, /Examples:\n/)
    assert.match(stdout, /Exit codes: 0 /)
  }
  assert.match(migrateIo(['inject', '--help']).stdout, /migrate\.io\/timeout: 30m\n.*\n\s+default: none/)
})

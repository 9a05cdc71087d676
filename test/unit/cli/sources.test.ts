import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { buildProgram } from '../../support/cli/built.ts'
import { fakeCluster, type Stage } from '../../support/cli/fake-cluster.ts'
import { migrateIo } from '../../support/cli/run-cli.ts'
import { configMapOf, podOf, replicaSetOf } from '../../support/controller/objects.ts'
import { missingProgram } from '../../support/tooling/debian.ts'
import { until } from '../../support/until.ts'

/** By real pipes, and with the program as it is built: what sets them up differs from what a test's own pipe does. */
const program = buildProgram()
after(() => program[Symbol.dispose]())

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: café
  annotations:
    migrate.io/command: flask db upgrade
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "web:1"}
`
/** More than a pipe holds (64 KiB), and so are its injected form and what is said about it. */
const MANY = 200
const numbered = (i: number) => DEPLOYMENT.replace('café', `web-${i}`).replace('db upgrade', `db upgrade -x ${i}`)
const BIG = Array.from({ length: MANY }, (_, i) => numbered(i)).join('---\n')
const REFUSED = `${BIG}---\n${DEPLOYMENT.replace('flask db upgrade', '""')}`
const WARNED = BIG.replaceAll('spec:\n  sel', 'spec:\n  strategy: {type: Recreate}\n  sel')

for (const [name, content] of Object.entries({ one: DEPLOYMENT, big: BIG, refused: REFUSED, warned: WARNED }))
  writeFileSync(join(program.folder, `${name}.yaml`), content)
const ONE_INJECTED = migrateIo(['inject', '-f', join(program.folder, 'one.yaml')]).stdout
const BIG_INJECTED = migrateIo(['inject', '-f', join(program.folder, 'big.yaml')]).stdout
writeFileSync(join(program.folder, 'injected.yaml'), BIG_INJECTED)
/** In the middle of é. */
const HALF_A_LETTER = Buffer.from(DEPLOYMENT).indexOf(Buffer.from('é')) + 1

const LIMIT_MS = 60_000
const O_NONBLOCK = 0o4000

/** Whether a process has set up its standard input and does nothing any more, of several looks. */
async function waitsForInput(pid: string): Promise<boolean> {
  const seen = new Set<string>()
  for (let look = 0; look < 5; look++) {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/0`, 'utf8'))?.[1] ?? '0'
    const [state, ...times] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    if (state !== 'S' || (Number.parseInt(flags, 8) & O_NONBLOCK) === 0) return false
    seen.add(times.slice(10, 12).join(' '))
    await pause(50)
  }
  return seen.size === 1
}

const COMPLETED = { pod: 'web-a-1', image: 'app:1', started: '2026-01-01T11:59:10Z', seconds: 6, number: 5 }
const MIGRATED: Stage = {
  replicaSets: [replicaSetOf()],
  pods: [podOf({ grant: 'run 5' })],
  configMaps: [configMapOf({ number: 5, entries: { 'completed.a': JSON.stringify(COMPLETED) } })],
}

const skip = missingProgram({ program: 'bash', debianPackage: 'bash' }) ?? false

suite('A15: standard input is read to its end, however it comes', { skip }, () => {
  const WAYS: readonly (readonly [what: string, script: string, stdout: string])[] = [
    ['late', '(sleep 1; cat one.yaml) | migrate-io inject -f -', ONE_INJECTED],
    [
      'in pieces, cut within a letter',
      `(head -c ${HALF_A_LETTER} one.yaml; sleep 1; tail -c +${HALF_A_LETTER + 1} one.yaml) | migrate-io inject -f -`,
      ONE_INJECTED,
    ],
    ['more than a pipe holds', 'cat big.yaml | migrate-io inject -f -', BIG_INJECTED],
    ['more than a pipe holds, late', '(sleep 1; cat big.yaml) | migrate-io inject -f -', BIG_INJECTED],
    [
      'slowly',
      'split -n 8 --filter="sleep 0.1; cat" big.yaml | migrate-io inject -f - | migrate-io uninject -f -',
      BIG,
    ],
    ['from the program itself', 'migrate-io uninject -f injected.yaml | migrate-io inject -f -', BIG_INJECTED],
    ['from a file', 'migrate-io inject -f - < big.yaml', BIG_INJECTED],
    ['by the name of its device', '(sleep 1; cat one.yaml) | migrate-io inject -f /dev/stdin', ONE_INJECTED],
    ['from a substituted process', 'migrate-io inject -f <(sleep 1; cat one.yaml)', ONE_INJECTED],
    ['from nothing', 'migrate-io inject -f - < /dev/null', ''],
    ['from a writer that writes nothing', '(sleep 1) | migrate-io inject -f -', ''],
    ['where it is closed', 'migrate-io inject -f - <&-', ''],
    [
      'by explain',
      '(sleep 1; cat one.yaml) | migrate-io explain -f - | head -1',
      'standard input, document 1 (line 1), Deployment café: would be injected\n',
    ],
    ['by uninject', '(sleep 1; cat injected.yaml) | migrate-io uninject -f -', BIG],
  ]
  for (const [what, script, expected] of WAYS)
    test(`A15: ${what}`, async () => {
      assert.deepEqual(await program.sh(script), { code: 0, stdout: expected, stderr: '' })
    })

  for (const command of ['inject', 'explain', 'uninject'])
    test(`A15: ${command} waits for a writer that writes nothing yet, and again in the middle of a letter`, async () => {
      const text = Buffer.from(command === 'uninject' ? ONE_INJECTED : DEPLOYMENT)
      const [fifo, pidFile] = ['fifo', 'pid'].map((end) => join(program.folder, `${command}.${end}`)) as [
        string,
        string,
      ]
      execFileSync('mkfifo', [fifo])
      // Open for both, so that neither end waits for the other.
      const writer = openSync(fifo, 'r+')
      const running = program.sh(`echo $$ >${pidFile}; exec "$NODE" "$MAIN" ${command} -f - <${fifo}`)
      const ended = running.then(({ stderr }) => `it has ended: ${stderr}`)
      const isReading = () =>
        until(
          'it waits for its input',
          () => Promise.race([ended, waitsForInput(readFileSync(pidFile, 'utf8').trim())]),
          {
            limitMs: LIMIT_MS,
          },
        )
      assert.equal(await isReading(), true)
      writeSync(writer, text.subarray(0, HALF_A_LETTER))
      assert.equal(await isReading(), true)
      writeSync(writer, text.subarray(HALF_A_LETTER))
      closeSync(writer)
      assert.deepEqual(await running, migrateIo([command, '-f', '-'], text.toString()))
    })

  for (const name of ['-', '/dev/stdin'])
    test(`A15: from a socket, as a program of Node.js gives to those that it starts: -f ${name}`, async () => {
      const child = spawn(process.execPath, [program.main, 'inject', '-f', name])
      const [half, rest] = [BIG.slice(0, 100), BIG.slice(100)]
      child.stdin.write(half, () => child.stdin.end(rest))
      const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
      assert.deepEqual({ code, stderr, isWhole: stdout === BIG_INJECTED }, { code: 0, stderr: '', isWhole: true })
    })

  const noTerminal = missingProgram({ program: 'script', debianPackage: 'bsdutils' }) ?? false
  test('A15: from a terminal, up to Ctrl+D, and it says that it waits', { skip: noTerminal }, async () => {
    const command = `'${process.execPath}' '${program.main}' inject -f - > typed.yaml`
    const terminal = spawn('script', ['-qec', command, '/dev/null'], { cwd: program.folder })
    terminal.stdin.write(`${DEPLOYMENT}\u0004`)
    const [shown, [code]] = await Promise.all([text(terminal.stdout), once(terminal, 'close')])
    assert.equal(code, 0, shown)
    assert.match(shown, /reading manifests from the terminal, up to Ctrl\+D/)
    assert.equal(readFileSync(join(program.folder, 'typed.yaml'), 'utf8'), ONE_INJECTED)
  })

  test('A15: what cannot be read is told in one line, with nothing on standard output', async () => {
    const WRONG: readonly (readonly [script: string, says: RegExp])[] = [
      ['migrate-io inject -f - < .', /^migrate-io inject: standard input: it is a folder\n$/],
      ['migrate-io inject -f - 0> /dev/null', /^migrate-io inject: standard input: .*EBADF.*\n$/],
      ['migrate-io inject -f - -f - < one.yaml', /^migrate-io inject: standard input: it can be read only once.*\n$/],
      [`(sleep 1; head -c ${HALF_A_LETTER} one.yaml) | migrate-io inject -f -`, /^.*: this is not UTF-8 text.*\n$/],
      ['(sleep 1; cat refused.yaml) | migrate-io inject -f -', /^refused: .*\n.* 1 of 201 Deployments refused, .*\n$/],
    ]
    for (const [script, says] of WRONG) {
      const { code, stdout, stderr } = await program.sh(script)
      assert.deepEqual([code, stdout], [1, ''], script)
      assert.match(stderr, says)
    }
  })
})

suite('A15: a reader that is slow or gone', { skip }, () => {
  test('A15: a slow reader gets all of it', async () => {
    const slow = await program.sh('migrate-io inject -f big.yaml | (sleep 1; cat)')
    assert.deepEqual(slow, { code: 0, stdout: BIG_INJECTED, stderr: '' })
    const explained = await program.sh(
      'migrate-io explain -f warned.yaml | (sleep 1; grep -c "warning: spec.strategy")',
    )
    assert.deepEqual(explained, { code: 0, stdout: `${MANY}\n`, stderr: '' })
    const warned = await program.sh('(migrate-io inject -f warned.yaml 2>&1 >/dev/null) | (sleep 1; wc -l)')
    assert.deepEqual(warned, { code: 0, stdout: `${MANY}\n`, stderr: '' })
  })

  test('A15: a reader that has gone ends it quietly', async () => {
    for (const command of ['inject -f big.yaml', 'explain -f big.yaml', 'uninject -f injected.yaml'])
      assert.deepEqual(await program.sh(`migrate-io ${command} | head -1 >/dev/null`), {
        code: 0,
        stdout: '',
        stderr: '',
      })
  })

  test('A15: a refusal stays one where the reader has gone', async () => {
    const { code, stderr } = await program.sh('migrate-io explain -f refused.yaml | head -1 >/dev/null')
    assert.deepEqual([code, stderr], [1, ''])
  })

  test('A15: what comes after warnings that have no reader is written whole', async () => {
    const { code, stdout } = await program.sh('migrate-io inject -f warned.yaml 2>&1 >out.yaml | true && cat out.yaml')
    assert.equal(code, 0)
    assert.equal(stdout, migrateIo(['inject', '-f', join(program.folder, 'warned.yaml')]).stdout)
  })

  test('A15: a disk that is full is told in one line', async () => {
    const { code, stderr } = await program.sh('migrate-io inject -f big.yaml > /dev/full')
    assert.equal(code, 1)
    assert.match(stderr, /^migrate-io: cannot write to standard output: ENOSPC.*\n$/)
  })

  test('A15: the output of a migration, and of status, is cut by its reader', async (t) => {
    const LINES = 20_000
    const { options } = await fakeCluster(
      t,
      () => MIGRATED,
      (response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('one line of it\n'.repeat(LINES)),
    )
    const words = options.join(' ')
    const logs = await program.sh(`migrate-io logs web ${words} 2>/dev/null | head -1`)
    assert.deepEqual(logs, { code: 0, stdout: 'one line of it\n', stderr: '' })
    const all = await program.sh(`migrate-io logs web ${words} 2>/dev/null | (sleep 1; wc -l)`)
    assert.deepEqual(all, { code: 0, stdout: `${LINES}\n`, stderr: '' })
    for (const command of [`status ${words}`, `logs web -f ${words} 2>/dev/null`])
      assert.deepEqual(await program.sh(`migrate-io ${command} | true`), { code: 0, stdout: '', stderr: '' })
  })
})

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe } from 'node:test'
import { until } from '../../../support/until.ts'
import { LIMIT_MS, Pod, REVISION, STOP_MS } from '../../../support/wrapper/pod.ts'
import { cpuSecondsOf } from '../../../support/wrapper/processes.ts'
import { CONCURRENCY, underEachShell } from '../../../support/wrapper/shells.ts'

const RECORD = '{"pod":"web-1","image":"shop:1","started":"2026-01-01T00:00:00Z","seconds":3,"run":4}'
const RAN = ['/bin/sh', '-c', '--', 'echo ran >> ran']

const NOT_A_GRANT: Readonly<Record<string, string | undefined>> = {
  'no grant file': undefined,
  'an empty grant': '',
  'a newline': '\n',
  '`ru`': 'ru',
  '`run`': 'run',
  '`run `': 'run ',
  '`run 1x`': 'run 1x',
  '`run -1`': 'run -1',
  '`run +1`': 'run +1',
  '`run 0x1`': 'run 0x1',
  '`run 1.5`': 'run 1.5',
  '`run 1 2`': 'run 1 2',
  '`run *`': 'run *',
  '`run1`': 'run1',
  '`RUN 1`': 'RUN 1',
  '`1`': '1',
  '`rerun 1`': 'rerun 1',
  '`wait 3`': 'wait 3',
  '`ski`': 'ski',
  '`skip 1`': 'skip 1',
  'a command': 'run $(echo 1)',
}

describe('The wrapper waits', { concurrency: CONCURRENCY }, () => {
  for (const [what, grant] of Object.entries(NOT_A_GRANT)) {
    underEachShell(`W1: waits with ${what} and runs when the grant comes`, async (t, shell) => {
      const pod = new Pod(t, shell, { grant })
      const container = pod.start({ command: RAN })
      await container.assertWaits()
      pod.files.update({ grant: 'run 7' })
      assert.equal((await container.end()).code, 0)
      assert.equal(container.termination(), 'run 7')
      assert.equal(pod.written('ran'), 'ran\n')
    })
  }

  underEachShell('W1: waits while the volume has no file at all', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: undefined, revision: undefined, number: undefined })
    const container = pod.start({ command: RAN })
    await container.assertWaits()
    pod.files.update({ revision: REVISION, grant: 'run 1' })
    assert.equal((await container.end()).code, 0)
    assert.equal(container.termination(), 'run 1')
  })

  underEachShell('W1: waits while the volume is not there', async (t, shell) => {
    const pod = new Pod(t, shell)
    const container = pod.start({ command: RAN, places: { files: pod.path('nowhere') } })
    await container.assertWaits()
    assert.ok(!container.stderr.includes('nowhere'), `no complaint of the shell's own: ${container.stderr}`)
  })

  underEachShell('W1: waits while the revision is missing or empty, whatever else is there', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 2', revision: undefined, 'completed.': RECORD })
    const container = pod.start({ command: RAN })
    await container.assertWaits()
    pod.files.update({ revision: '' })
    await container.assertWaits()
    pod.files.update({ revision: '\n' })
    await container.assertWaits()
    pod.files.update({ revision: `${REVISION}\n` })
    assert.equal((await container.end()).code, 0)
    assert.equal(container.termination(), 'run 2')
    assert.equal(pod.written('ran'), 'ran\n')
  })

  underEachShell(
    'W8: no label for longer than a moment: says what it is and what to do, and ends with 78',
    async (t, shell) => {
      const pod = new Pod(t, shell, { revision: '', grant: 'run 2', 'completed.': RECORD })
      const container = pod.start({ command: RAN })
      const { code, afterMs } = await container.end()
      assert.equal(code, 78)
      assert.ok(afterMs > 5_000, `it gave up after ${afterMs} ms`)
      assert.equal(container.termination(), 'no pod of a Deployment: it has no label pod-template-hash')
      assert.match(container.stderr, /no Deployment made this pod.*workloadRef.*kubectl debug --copy-to.*--keep-init-/)
      assert.equal(pod.written('ran'), '')
      assert.deepEqual(readdirSync(pod.state), ['boot-1'], 'only the boot is noted')
    },
  )

  underEachShell('W8: a label that is not there yet, or comes, is waited for; a skip needs none', async (t, shell) => {
    const places = { unlabelledSeconds: 1 }
    const pod = new Pod(t, shell, { revision: undefined })
    const container = pod.start({ command: RAN, places })
    const began = performance.now()
    await until('it waited for longer', () => performance.now() - began > 3_000, { limitMs: LIMIT_MS })
    await container.assertWaits()
    pod.files.update({ revision: '', grant: 'skip' })
    assert.equal((await container.end()).code, 0)
    const other = new Pod(t, shell, { revision: '' })
    const waits = other.start({ command: RAN })
    await waits.assertWaits()
    other.files.update({ revision: REVISION, grant: 'run 3' })
    assert.equal((await waits.end()).code, 0)
    assert.equal(waits.termination(), 'run 3')
  })

  underEachShell('W1: waits with an empty record, and skips when it is written', async (t, shell) => {
    const record = `completed.${REVISION}`
    const pod = new Pod(t, shell, { [record]: '' })
    const container = pod.start({ command: RAN })
    await container.assertWaits()
    pod.files.update({ [record]: RECORD })
    assert.equal((await container.end()).code, 0)
    assert.equal(container.termination(), '')
    assert.equal(pod.written('ran'), '')
    assert.ok(container.lines.length > 0, 'it says why')
  })

  underEachShell('W1: the number in the ConfigMap is no grant', async (t, shell) => {
    const pod = new Pod(t, shell, { number: '5', holder: '{"pod":"web-1","run":5}' })
    const container = pod.start({ command: RAN })
    await container.assertWaits()
  })

  underEachShell('W1: a record of its own revision: skips at once, without a message', async (t, shell) => {
    const pod = new Pod(t, shell, { [`completed.${REVISION}`]: RECORD })
    const container = pod.start({ command: RAN })
    assert.equal((await container.end()).code, 0)
    assert.equal(container.termination(), '')
    assert.equal(pod.written('ran'), '')
    assert.ok(container.lines.length > 0, 'it says why')
  })

  underEachShell('W1: a record counts more than a grant', async (t, shell) => {
    const pod = new Pod(t, shell, { [`completed.${REVISION}`]: `${RECORD}\n`, grant: 'run 3' })
    const container = pod.start({ command: RAN })
    assert.equal((await container.end()).code, 0)
    assert.equal(container.termination(), '')
    assert.equal(pod.written('ran'), '')
  })

  underEachShell("W1: other revisions' records don't count", async (t, shell) => {
    const records = [`completed.${REVISION}0`, `completed.${REVISION.slice(0, -1)}`, 'completed.66d9f', 'completed']
    const pod = new Pod(t, shell, Object.fromEntries(records.map((name) => [name, RECORD])))
    const container = pod.start({ command: RAN })
    await container.assertWaits()
    pod.files.update({ grant: 'run 3' })
    assert.equal((await container.end()).code, 0)
    assert.equal(pod.written('ran'), 'ran\n')
  })

  underEachShell('W1: the record appears while it waits: skips', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'wait 2' })
    const container = pod.start({ command: RAN })
    await container.assertWaits()
    pod.files.update({ [`completed.${REVISION}`]: RECORD })
    assert.equal((await container.end()).code, 0)
    assert.equal(container.termination(), '')
    assert.equal(pod.written('ran'), '')
  })

  for (const grant of ['skip', 'skip\n']) {
    underEachShell(`W1: the grant ${JSON.stringify(grant)}: skips, without a message`, async (t, shell) => {
      const pod = new Pod(t, shell, { grant })
      const container = pod.start({ command: RAN })
      assert.equal((await container.end()).code, 0)
      assert.equal(container.termination(), '')
      assert.equal(pod.written('ran'), '')
      assert.ok(container.lines.length > 0, 'it says why')
    })
  }

  for (const [grant, message] of [
    ['run 1', 'run 1'],
    ['run 12\n', 'run 12'],
    ['run 1767225600', 'run 1767225600'], // the API server's time, after a lost ConfigMap
    ['run 4102444800', 'run 4102444800'], // above 32 bits
  ] as const) {
    underEachShell(`W1: the grant ${JSON.stringify(grant)}: runs`, async (t, shell) => {
      const pod = new Pod(t, shell, { grant })
      const container = pod.start({ command: RAN })
      assert.equal((await container.end()).code, 0)
      assert.equal(container.termination(), message)
      assert.equal(pod.written('ran'), 'ran\n')
    })
  }

  underEachShell('W1: says once what it waits for, and nothing again and again', async (t, shell) => {
    const pod = new Pod(t, shell)
    const container = pod.start({ command: RAN })
    await container.untilSlept(2)
    const said = await until('it says that it waits', () => container.lines, {
      limitMs: LIMIT_MS,
      accept: (lines) => lines.length >= 1,
    })
    await container.untilSlept(8)
    assert.deepEqual(container.lines, said)
  })

  for (const [kind, write] of [
    ['compact', (pod: string) => JSON.stringify(holder(pod))],
    ['spaced', (pod: string) => JSON.stringify(holder(pod)).replaceAll(':', ': ').replaceAll(',', ', ')],
    ['in another order', (pod: string) => JSON.stringify(Object.fromEntries(Object.entries(holder(pod)).toReversed()))],
    ['with a newline at its end', (pod: string) => `${JSON.stringify(holder(pod))}\n`],
  ] as const) {
    underEachShell(`W1: names who runs, once for each holder (JSON ${kind})`, async (t, shell) => {
      const pod = new Pod(t, shell, { holder: write('shop-7c6-aaaaa') })
      const container = pod.start({ command: RAN })
      await container.untilSaid('shop-7c6-aaaaa')
      await container.untilSlept(3)
      pod.files.update({ holder: write('shop-7c6-bbbbb') })
      await container.untilSaid('shop-7c6-bbbbb')
      await container.untilSlept(4)
      for (const name of ['shop-7c6-aaaaa', 'shop-7c6-bbbbb']) {
        assert.equal(container.lines.filter((line) => line.includes(name)).length, 1, container.lines.join('\n'))
      }
      assert.ok(container.lines.length <= 3, container.lines.join('\n'))
    })
  }

  for (const holder of [
    '',
    '{',
    '{"pod":"',
    '{"pod":}',
    '[]',
    'null',
    '\n',
    '{"pod":"$(touch ran)`touch ran`"}',
    '*',
  ]) {
    underEachShell(`W1: the holder ${JSON.stringify(holder)} does not disturb it`, async (t, shell) => {
      const pod = new Pod(t, shell, { holder })
      const container = pod.start({ command: RAN })
      await container.assertWaits()
      assert.ok(container.lines.length <= 2, container.lines.join('\n'))
      pod.files.update({ grant: 'run 3' })
      assert.equal((await container.end()).code, 0)
      assert.equal(pod.written('ran'), 'ran\n')
    })
  }

  for (const timeout of [undefined, 60]) {
    const mode = timeout === undefined ? '' : ', with a timeout'
    underEachShell(`W2: TERM while waiting ends it with 143 and nothing runs${mode}`, async (t, shell) => {
      const pod = new Pod(t, shell)
      const container = pod.start({ command: RAN, ...(timeout === undefined ? {} : { timeout }) })
      await container.untilSlept(2)
      const sent = performance.now()
      container.signal('SIGTERM')
      const { code, signal } = await container.end()
      assert.ok(performance.now() - sent < STOP_MS)
      assert.deepEqual({ code, signal }, { code: 143, signal: null })
      assert.equal(container.termination(), '')
      assert.equal(pod.written('ran'), '')
      await pod.assertNothingRuns()

      pod.files.update({ grant: 'run 4' })
      assert.equal((await pod.start({ command: RAN }).end()).code, 0, 'the next container may run')
      assert.equal(pod.written('ran'), 'ran\n')
    })
  }

  underEachShell('W1: a sleep that refuses fractions', async (t, shell) => {
    const pod = new Pod(t, shell)
    const refuses = [
      'sleep() {',
      `  echo "$*" >> ${pod.path('slept')}`,
      '  case $1 in *[!0-9]*) echo "sleep: invalid number" >&2; return 1 ;; esac',
      '  command sleep "$1"',
      '}\n',
    ].join('\n')
    const container = pod.start({ command: RAN, preamble: refuses })
    await pod.untilWritten('slept', '1\n1\n')
    assert.match(pod.written('slept'), /^0?\.\d+$/m, 'fractions were tried')
    assert.ok(!container.stderr.includes('invalid'), container.stderr)
    const before = cpuSecondsOf(container.pid)
    const slept = () => pod.written('slept').split('\n').length
    const begun = slept()
    await until('it slept 2 more seconds', () => slept() - begun >= 2, { limitMs: LIMIT_MS })
    assert.ok(cpuSecondsOf(container.pid) - before < 0.5, 'it must not spin')
    const sent = performance.now()
    container.signal('SIGTERM')
    assert.equal((await container.end()).code, 143)
    assert.ok(performance.now() - sent < STOP_MS)
    assert.equal(pod.written('ran'), '')
  })

  underEachShell('W1: waiting does not spin', async (t, shell) => {
    const pod = new Pod(t, shell)
    const container = pod.start({ command: RAN })
    await container.untilSlept(1)
    const began = performance.now()
    const before = cpuSecondsOf(container.pid)
    await container.untilSlept(10)
    const share = (cpuSecondsOf(container.pid) - before) / ((performance.now() - began) / 1000)
    assert.ok(share < 0.1, `${share} of a CPU`)
  })
})

function holder(pod: string): Readonly<Record<string, string | number>> {
  return { pod, uid: '0b8f', revision: '66d9f', run: 3, since: '2026-01-01T00:00:00Z' }
}

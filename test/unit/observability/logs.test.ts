import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLogs, errorFields, type LogLevel } from '../../../src/observability/logs.ts'

const LOGS = join(import.meta.dirname, '../../../src/observability/logs.ts')
const LINES = 5_000

function written(level: LogLevel, write: (logs: ReturnType<typeof createLogs>) => void): Record<string, unknown>[] {
  let text = ''
  write(
    createLogs(level, {
      write(line: string) {
        text += line
      },
    }),
  )
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

test('A line is JSON with the level as a word, the time in ISO form, and what it is about', () => {
  const before = new Date().toISOString()
  const [line] = written('info', (logs) => logs.info({ namespace: 'shop' }, 'hello'))
  const after = new Date().toISOString()
  assert.deepEqual({ ...line, time: '' }, { level: 'info', time: '', namespace: 'shop', msg: 'hello' })
  const time = String(line?.['time'])
  assert.ok(before <= time && time <= after, `${before} ${time} ${after}`)
})

test('The level decides what is written', () => {
  const all = (logs: ReturnType<typeof createLogs>) => {
    logs.debug('d')
    logs.info('i')
    logs.warn('w')
    logs.error('e')
  }
  assert.deepEqual(
    (['debug', 'info', 'warn', 'error', 'silent'] as const).map((level) => written(level, all).length),
    [4, 3, 2, 1, 0],
  )
})

test('S3: of an error that arose from a request, its place is logged and not its message', () => {
  const { type, at } = errorFields(new TypeError('canary-1\n    at canary-2 in the message'))
  assert.equal(type, 'TypeError')
  assert.match(at[0] ?? '', /logs\.test\.ts:\d+:\d+/)
  assert.doesNotMatch(JSON.stringify(errorFields(new RangeError('canary'))), /canary/)
  assert.doesNotMatch(JSON.stringify(at), /canary/)
  assert.deepEqual(errorFields('canary'), { type: 'string', at: [] })
})

for (const end of ['process.exit(3)', 'process.exitCode = 3']) {
  test(`Lines that wait for their batch are written at ${end}`, async () => {
    const program = `
      const { createLogs } = await import(${JSON.stringify(LOGS)})
      const logs = createLogs('info')
      for (let i = 0; i < ${LINES}; i++) logs.info({ i }, 'line')
      ${end}`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
    })
    const [code] = await once(child, 'close')
    assert.equal(code, 3)
    const lines = text.trimEnd().split('\n')
    assert.equal(lines.length, LINES)
    assert.equal(JSON.parse(lines.at(-1) ?? '').i, LINES - 1)
  })
}

import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, test } from 'node:test'
import { RunLog } from '../../../src/cli/logs-action.ts'

function runLog() {
  const written: Buffer[] = []
  const output = new Writable({
    write(chunk, _, done) {
      written.push(chunk)
      done()
    },
  })
  return { log: new RunLog(output), printed: () => Buffer.concat(written.splice(0)) }
}

async function* chunks(...parts: (string | Buffer)[]) {
  for (const part of parts) yield Buffer.from(part)
}

const AT = '2026-01-01T12:00:0'

describe('The output of a run whose stream ends early', () => {
  test('goes on with the first line that was not printed', async () => {
    const { log, printed } = runLog()
    assert.equal(log.since, undefined)
    assert.equal(await log.print(chunks(`${AT}0.1Z one\n${AT}1.25Z tw`, `o\n${AT}1.25Z three\n${AT}1.3Z fo`), false), 3)
    assert.equal(printed().toString(), 'one\ntwo\nthree\n')
    assert.equal(log.since, `${AT}1Z`)
    // Whole seconds count, so what was printed within that second comes again.
    const again = chunks(`${AT}1.25Z two\n${AT}1.25Z three\n${AT}1.25Z four\n${AT}1.3Z five\n${AT}2Z six`)
    assert.equal(await log.print(again, true), 3)
    assert.equal(printed().toString(), 'four\nfive\nsix')
  })

  test('also where nothing is new', async () => {
    const { log, printed } = runLog()
    await log.print(chunks(`${AT}1.000000001Z one\n`), false)
    assert.equal(await log.print(chunks(`${AT}1.000000001Z one\n`), true), 0)
    assert.equal(printed().toString(), 'one\n')
  })

  test('keeps empty lines, and bytes that are no text', async () => {
    const { log, printed } = runLog()
    const bytes = Buffer.from([0xff, 0xc3, 0x28, 0x0d, 0x0a])
    await log.print(chunks(`${AT}1Z \n`, Buffer.concat([Buffer.from(`${AT}2Z `), bytes])), false)
    assert.deepEqual(printed(), Buffer.concat([Buffer.from('\n'), bytes]))
  })

  test('what broke the stream is thrown, and what came before it is printed', async () => {
    const { log, printed } = runLog()
    async function* broken() {
      yield Buffer.from(`${AT}1Z one\n${AT}2Z tw`)
      throw new Error('cut')
    }
    await assert.rejects(log.print(broken(), true), /cut/)
    assert.equal(printed().toString(), 'one\n')
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BrokenStream, linesOf } from '../../../src/kube/watch-stream.ts'

async function* chunks(parts: readonly Uint8Array[]) {
  yield* parts
}

test('O4: lines come whole however the bytes are cut, and half a line at the end is no line', async () => {
  const whole = fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => `x${text.replaceAll(/\s/g, '_')}`)
  await fc.assert(
    fc.asyncProperty(fc.array(whole), fc.option(whole), fc.array(fc.nat(200)), async (lines, half, cuts) => {
      const bytes = Buffer.from(lines.map((each) => `${each}\n`).join('') + (half ?? ''))
      const ends = [...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length]
      const parts = ends.map((end, nth) => bytes.subarray(ends[nth - 1] ?? 0, end))
      const seen: string[] = []
      const read = async () => {
        for await (const each of linesOf(chunks(parts))) seen.push(each)
      }
      if (half === null) await read()
      else await assert.rejects(read, BrokenStream)
      assert.deepEqual(seen, lines)
    }),
  )
})

test('a line without end is given up before it fills the memory', async () => {
  let sent = 0
  const endless = async function* () {
    for (; sent < 1000; sent++) yield Buffer.alloc(1024 * 1024, 'x')
  }
  await assert.rejects(async () => {
    for await (const _ of linesOf(endless()));
  }, /more than 16777216 bytes/)
  assert.ok(sent < 20)
})

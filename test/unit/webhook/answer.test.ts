import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { allowed, denied } from '../../../src/webhook/answer.ts'

function warningsOf(warnings: readonly string[]): string[] {
  return JSON.parse(allowed('u', '', warnings)).response.warnings ?? []
}

test('A11: warnings stay within what the API server takes: 256 characters each, 4096 in total, no control characters', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 600 }), { maxLength: 60 }), (warnings) => {
      const kept = warningsOf(warnings)
      assert.ok(kept.join('').length <= 4096)
      for (const warning of kept) {
        assert.ok(warning.length <= 256)
        assert.doesNotMatch(warning, /[\u0000-\u001f\u007f]/)
        assert.ok(warning.isWellFormed())
      }
    }),
  )
})

test('A11: a warning that is too long ends in …, and the last of too many says how many are missing', () => {
  assert.equal(warningsOf(['x'.repeat(257)])[0], `${'x'.repeat(255)}…`)
  assert.equal(warningsOf(['x'.repeat(256)])[0], 'x'.repeat(256))
  assert.equal(warningsOf([`${'x'.repeat(254)}😀😀`])[0], `${'x'.repeat(254)}…`)
  const many = warningsOf(Array.from({ length: 40 }, () => 'y'.repeat(256)))
  assert.equal(many.at(-1), 'and 25 more warnings')
  assert.equal(many.length, 16)
  assert.equal(warningsOf(Array.from({ length: 16 }, () => 'y'.repeat(256))).length, 16)
})

test('A11, S6: of more problems than a person reads, the last line says how many are missing', () => {
  const messageOf = (problems: readonly string[]): string =>
    JSON.parse(denied('u', 'Heading:', problems, [])).response.status.message
  assert.equal(messageOf(['a', 'b']), 'Heading:\n- a\n- b')
  const many = messageOf(Array.from({ length: 30_000 }, () => 'y'.repeat(200)))
  assert.ok(many.length < 20_000, `${many.length} characters`)
  assert.equal(many.split('\n').at(-1), '- and 29919 more')
})

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { lockConfigMapName } from '../../src/names.ts'

/** Rule: RFC 1123 as in k8s.io/apimachinery/pkg/util/validation. */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const MAX_LENGTH = 253

const check = (name: string) => {
  const made = lockConfigMapName(name)
  assert.match(made, SUBDOMAIN)
  assert(made.length <= MAX_LENGTH, `${made.length}`)
  assert.match(made, /\.migrate-io$/)
  return made
}

suite('A11: the name of the lock ConfigMap', () => {
  test('A11: of a usual name', () => assert.equal(check('flask'), 'deployment.flask.migrate-io'))

  test('A11: every name is a DNS subdomain of at most 253 characters', () => {
    const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/)
    const name = fc
      .array(label, { minLength: 1, maxLength: 12 })
      .map((labels) =>
        labels
          .join('.')
          .slice(0, MAX_LENGTH)
          .replace(/[.-]+$/, ''),
      )
      .filter((text) => SUBDOMAIN.test(text))
    fc.assert(
      fc.property(name, (text) => void check(text)),
      { numRuns: 2000 },
    )
  })

  test('A11: long names that differ only at their end differ', () => {
    const names = ['a', 'b', 'aa', 'a.a'].map((end) => 'x'.repeat(MAX_LENGTH - 4) + end)
    assert.equal(new Set(names.map(check)).size, names.length)
    for (const length of [230, 231, 232, 233, 252, 253])
      assert.equal(new Set([check('x'.repeat(length)), check(`${'x'.repeat(length - 1)}y`)]).size, 2)
  })

  test('A11: wherever the cut falls: after a dot, a dash, or several', () => {
    for (let position = 180; position < 205; position++)
      for (const middle of ['.', '-', '--', '---', 'a.b.c'])
        check('x'.repeat(position) + middle + 'y'.repeat(MAX_LENGTH - position - middle.length))
  })

  test('A11: the longest that needs no cut, and the first that does', () => {
    assert.equal(check('x'.repeat(231)).length, MAX_LENGTH)
    assert.equal(check('x'.repeat(231)), `deployment.${'x'.repeat(231)}.migrate-io`)
    const cut = check('x'.repeat(232))
    // docs/design.md: "its first 200, `-`, 10 hex of its sha256, then the suffix".
    assert.match(cut, /^deployment\.x+-[0-9a-f]{10}\.migrate-io$/)
  })
})

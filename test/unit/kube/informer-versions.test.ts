import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNotNewer } from '../../../src/kube/informer.ts'

test('resourceVersions are ordered where they are decimal numbers, and never called old where they are not', () => {
  for (const [version, than, expected] of [
    ['9', '10', true],
    ['10', '9', false],
    ['10', '10', true],
    ['99999999999999999998', '99999999999999999999', true],
    ['99999999999999999999', '99999999999999999998', false],
    ['a9', 'b1', false],
    ['b1', 'b1', true],
    ['09', '10', false],
    ['', '10', false],
  ] as const)
    assert.equal(isNotNewer(version, than), expected, `${version} and ${than}`)
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { REQUIRED_IDS } from '../../support/runner/ids.ts'
import { LEVELS } from '../../support/runner/level.ts'
import { root } from '../../support/tooling/root.ts'

test('docs/requirements.md names each id with the levels at which test:all asks for it', () => {
  const rows = readFileSync(`${root}/docs/requirements.md`, 'utf8').matchAll(/^\| ([A-Z]\d+) \|.* \| ([^|]+) \|$/gm)
  const levels = [...rows].map(([, id = '', list = '']) => [id, list.split(', ')] as const)
  const tested = levels.filter(([, list]) => list.some((level) => LEVELS.some((each) => each === level)))
  assert.deepEqual(Object.fromEntries(tested), REQUIRED_IDS)
  for (const [id, list] of levels.filter((row) => !tested.includes(row)))
    assert.ok(list.length === 1 && ['benchmark', 'planned'].includes(list[0] ?? ''), `${id}: ${list}`)
})

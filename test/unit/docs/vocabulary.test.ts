import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allPages } from '../../support/docs/markdown.ts'
import { unknownIn } from '../../support/docs/vocabulary.ts'

test('no page speaks of an option, annotation, label, Event, metric or npm script that the source does not have', () => {
  const faults = allPages().flatMap((page) => unknownIn(page).map((what) => `${page.path}: ${what}`))
  assert.deepEqual(faults, [])
})

for (const [text, what] of [
  ['set `migrate.io/retry`', 'annotation or label migrate.io/retry'],
  ['`migrate_io_runs_totals`', 'metric migrate_io_runs_totals'],
  ['the Event MigrationBegun', 'Event MigrationBegun'],
  ['`migrate-io status web --follow`', 'option migrate-io status --follow'],
  ['`kubectl migrate-io restart -y`', 'command migrate-io restart'],
  ['`npm run no-such`', 'npm script no-such'],
] as const)
  test(`${what} would be noticed`, () => {
    assert.deepEqual(unknownIn({ path: 'x.md', text }), [what])
  })

test('what the source has is not noticed', () => {
  const text =
    '`migrate.io/timeout`, MigrationFailed, `migrate_io_run_duration_seconds_bucket`, `migrate-io unlock web -n shop --yes`, `npm run check`'
  assert.deepEqual(unknownIn({ path: 'x.md', text }), [])
})

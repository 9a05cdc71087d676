import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { apply, type Edit, type Mutation, misfits, mutationLevel } from '../../mutations/mutation.ts'
import { MUTATIONS } from '../../mutations/table.ts'

const ROW = { name: 'breaks-it', ids: ['A1'], tests: ['a.ts'] }

function folderWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-mutation-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
  return folder
}

test('all edits of a mutation are made, in their order, as plain text', (t) => {
  const folder = folderWith(t, { 'a.ts': 'one (two) three\n', 'b.sh': 'say "$1"\n' })
  const edits: readonly Edit[] = [
    { file: 'a.ts', find: '(two)', replace: '$& four' },
    { file: 'b.sh', find: '"$1"', replace: '' },
    { file: 'a.ts', find: 'four three', replace: 'five' },
  ]
  const mutation: Mutation = { ...ROW, edits }
  assert.deepEqual(misfits(mutation, folder), [])
  apply(mutation, folder)
  assert.equal(readFileSync(join(folder, 'a.ts'), 'utf8'), 'one $& five\n')
  assert.equal(readFileSync(join(folder, 'b.sh'), 'utf8'), 'say \n')
})

test('a text that is gone or that occurs twice, and a file that is gone, are named, and nothing is changed', (t) => {
  const folder = folderWith(t, { 'a.ts': 'one one two\n' })
  const edits: readonly Edit[] = [
    { file: 'a.ts', find: 'two', replace: 'three' },
    { file: 'a.ts', find: 'one', replace: '' },
    { file: 'a.ts', find: 'four', replace: '' },
    { file: 'c.ts', find: 'one', replace: '' },
  ]
  const mutation: Mutation = { ...ROW, tests: ['a.ts', 'd.test.ts'], edits }
  assert.deepEqual(misfits(mutation, folder), [
    'found 2 times in a.ts: one',
    'found 0 times in a.ts: four',
    'c.ts is not there',
    'd.test.ts is not there',
  ])
  assert.throws(() => apply(mutation, folder), /breaks-it: found 2 times in a\.ts: one; .*/)
  assert.equal(readFileSync(join(folder, 'a.ts'), 'utf8'), 'one one two\n')
})

test('each name stands once, each mutation changes what it touches, and runs at the level of its tests', () => {
  const names = MUTATIONS.map(({ name }) => name)
  assert.deepEqual(names, [...new Set(names)])
  for (const mutation of MUTATIONS)
    for (const { find, replace } of 'edits' in mutation ? mutation.edits : [mutation]) assert.notEqual(find, replace)
  const levels = Object.fromEntries(MUTATIONS.map((mutation) => [mutation.name, mutationLevel(mutation)]))
  assert.equal(levels['first-in-the-list'], 'unit')
  assert.equal(levels['expands-variables'], 'api', 'the higher one of its tests')
  assert.equal(levels['writes-to-the-image'], 'node')
})

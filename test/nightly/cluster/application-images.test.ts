import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { debianImage, flaskImage, postgresImage } from '../../support/cluster/images/images.ts'
import { type FoundImage, listTar, readLayout } from '../../support/cluster/images/unpacked.ts'

const folder = mkdtempSync(join(tmpdir(), 'migrate-io-application-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const images = await Promise.all([debianImage(), flaskImage('1'), flaskImage('2'), postgresImage()])
const found = readLayout(images[0].file, join(folder, 'layout'))
const [debian, flask1, flask2, postgres] = images.map(({ name }) => found.find((each) => each.name === name))

test('the app, the database and a plain Debian are in one file, and share the large layer', () => {
  assert.deepEqual([...new Set(images.map(({ file }) => file))].length, 1)
  assert.deepEqual(
    found.map(({ name }) => name),
    ['migrate.io/debian:test', 'migrate.io/flask:1', 'migrate.io/flask:2', 'migrate.io/postgres:test'],
  )
  assert.deepEqual([...new Set(found.map(({ layers }) => layers[0]))], debian?.layers)
})

test('app and database say by number that they are not run as root', () => {
  assert.equal(flask1?.config.User, '1000:1000')
  assert.equal(flask2?.config.User, '1000:1000')
  assert.equal(postgres?.config.User, '999:999')
})

test('version 2 of the app has one revision more than version 1, and is else the same', () => {
  const [first, second] = [added(flask1), added(flask2)]
  const more = second.filter((path) => !first.includes(path))
  assert.deepEqual(more, ['srv/app/migrations/versions/0004_pod_required.py'])
  assert.equal(second.length - first.length, 1)
  assert.ok(first.includes('srv/app/migrations/env.py'))
})

test('nothing secret, large or nondeterministic is in the Debian layer', () => {
  const entries = listTar(debian?.layers[0] ?? '')
  for (const unwanted of [
    /libLLVM/,
    /snakeoil/,
    /\/var\/lib\/apt\/lists\/.*Packages/,
    /\/var\/cache\/.*\.(deb|bin)$/,
    /\/usr\/share\/doc\/.*\/./,
  ])
    assert.deepEqual(
      entries.filter((entry) => unwanted.test(entry)),
      [],
      String(unwanted),
    )
  for (const wanted of ['/usr/local/bin/postgres', '/usr/local/bin/psql', '/usr/bin/flask', '/usr/bin/gunicorn'])
    assert.ok(
      entries.some((entry) => entry.split(' -> ')[0]?.endsWith(wanted)),
      wanted,
    )
})

/** The files of the image's own layer. */
function added(image: FoundImage | undefined): string[] {
  return listTar(image?.layers[1] ?? '').map((entry) => entry.split(' ').at(-1) ?? '')
}

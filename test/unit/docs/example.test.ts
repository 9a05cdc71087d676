import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { flaskDeployment } from '../../support/node/flask.ts'
import { readManifest } from '../../support/node/postgres.ts'
import { root } from '../../support/tooling/root.ts'

const EXAMPLE = join(root, 'examples/flask')
const read = (name: string) => readFileSync(join(EXAMPLE, name), 'utf8')

test('the revisions are one chain, and each writes down when it ran', () => {
  const chain = globSync('migrations/versions/*.py', { cwd: EXAMPLE })
    .sort()
    .map((name) => {
      const text = read(name)
      assert.match(text, /^ {4}with step\(revision\)/m, name)
      const [, revision] = /^revision = "(\d+)"$/m.exec(text) ?? []
      const [, before] = /^down_revision = (?:"(\d+)"|None)$/m.exec(text) ?? []
      assert.ok(name.includes(`/${revision}_`), name)
      return [before, revision]
    })
  assert.deepEqual(chain, [
    [undefined, '0001'],
    ['0001', '0002'],
    ['0002', '0003'],
    ['0003', '0004'],
  ])
})

test('every file that kubectl apply -k reads is there, and so is every Secret that is named', () => {
  const { resources } = parse(read('kustomization.yaml')) as { resources: string[] }
  assert.deepEqual(
    [...resources].sort(),
    globSync('*.yaml', { cwd: EXAMPLE })
      .filter((name) => name !== 'kustomization.yaml')
      .sort(),
  )
  const objects = JSON.stringify(resources.map(readManifest))
  const secrets = readManifest('secrets.yaml') as unknown as { metadata: { name: string }; stringData: object }[]
  for (const [, name, key] of objects.matchAll(/"secretKeyRef":\{"name":"(.*?)","key":"(.*?)"\}/g)) {
    const secret = secrets.find(({ metadata }) => metadata.name === name)
    assert.ok(secret && key && key in secret.stringData, `${name}, ${key}`)
  }
  assert.match(objects, /secretKeyRef/)
})

test('the app and the database log in with the same password', () => {
  const [postgres, flask] = readManifest('secrets.yaml') as unknown as { stringData: Record<string, string> }[]
  const url = new URL(flask?.stringData['database-url'] ?? '')
  assert.equal(url.password, postgres?.stringData['password'])
  assert.equal(url.hostname, 'postgres')
})

test('the image that users build has every file of the app, and pinned libraries', () => {
  const dockerfile = read('Dockerfile')
  assert.match(dockerfile, /^COPY \*\.py \.$/m)
  assert.match(dockerfile, /^COPY migrations migrations$/m)
  assert.match(dockerfile, /^USER 1000:1000$/m)
  for (const line of read('requirements.txt').trim().split('\n')) assert.match(line, /^[\w-]+==\d+(\.\d+)+$/)
  assert.ok(existsSync(join(EXAMPLE, 'gunicorn.conf.py')))
})

test('a test changes nothing of the example but what it names', () => {
  const [original] = readManifest('deployment.yaml')
  const image = 'docker.io/project/my-flask-app:1'
  assert.deepEqual(flaskDeployment(image), original)
  const changed = flaskDeployment('migrate.io/flask:2', {
    replicas: 10,
    env: { MIGRATION_SECONDS: '5' },
    annotations: { 'migrate.io/retries': '2', 'migrate.io/command': undefined },
  })
  assert.equal(changed.spec.replicas, 10)
  assert.equal(changed.spec.template.spec.containers[0]?.image, 'migrate.io/flask:2')
  assert.deepEqual(changed.spec.template.spec.containers[0]?.env.at(-1), { name: 'MIGRATION_SECONDS', value: '5' })
  assert.deepEqual(changed.metadata.annotations, { 'migrate.io/retries': '2' })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTutorial } from '../../support/docs/tutorial.ts'

/** What needs Docker, or would replace what the tests bring: nothing else is left out when the tutorial is run. */
const ELSEWHERE = [
  'kind create cluster',
  'docker build --tag ghcr.io/migrate-io/migrate-io:0.1.0 .',
  'docker build --tag docker.io/project/my-flask-app:1 examples/flask',
  'kind load docker-image ghcr.io/migrate-io/migrate-io:0.1.0 docker.io/project/my-flask-app:1',
  'npm ci && npm run build && npm install --global .',
  'docker build --tag docker.io/project/my-flask-app:2 examples/flask',
  'kind load docker-image docker.io/project/my-flask-app:2',
  'kind delete cluster',
  'npm uninstall --global migrate-io',
  'rm examples/flask/migrations/versions/0005_remarks.py',
]

test('all of the tutorial is run by a test, but for images, the cluster itself and the installation of the command line', () => {
  const commands = readTutorial().elsewhere.flatMap(({ text }) => withoutFiles(text).split('\n'))
  assert.deepEqual(commands, ELSEWHERE)
})

/** Without what is only written into files. */
function withoutFiles(text: string): string {
  return text.replaceAll(/^cat > \S+ <<'END'\n[\s\S]*?\nEND\n/gm, '')
}

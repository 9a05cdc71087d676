import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import type { JsonObject } from '../../../src/json.ts'
import { migrateIo } from '../../support/cli/run-cli.ts'
import { at, list, migration, POD } from '../../support/injection/objects.ts'

const BARE = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    migrate.io/command: bin/rails db:migrate
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example.com/shop:1
          envFrom:
            - secretRef: {name: production-db} # the shop's
          env:
            - {name: DIRECT_URL, value: "postgres://prod-direct/app"}
          resources: {limits: {memory: 512Mi, cpu: "1"}}
          securityContext: {runAsUser: 0}
          volumeMounts:
            - {name: settings, mountPath: /etc/shop}
      volumes:
        - name: settings
          configMap: {name: shop-settings}
`

/** What a person makes of it for staging, in an editor: in the app's container, and the volume that it mounted. */
function toStaging(text: string): string {
  const edits: readonly [RegExp, string][] = [
    [
      / {10}envFrom:\n {12}- secretRef: \{name: production-db\} # the shop's\n/,
      '          envFrom: [{secretRef: {name: staging-db}}]\n',
    ],
    [/ {10}env:\n {12}- \{name: DIRECT_URL.*\n/, ''],
    [/memory: 512Mi, cpu: "1"/, 'memory: 1Gi'],
    [/ {10}securityContext: \{runAsUser: 0\}\n {10}volumeMounts:\n {12}- \{name: settings.*\n/, ''],
    [/ {8}- name: settings\n {10}configMap: \{name: shop-settings\}\n/, ''],
  ]
  return edits.reduce((edited, [from, to]) => {
    assert.match(edited, from)
    return edited.replace(from, to)
  }, text)
}

const cli = (command: string, input: string) => {
  const { code, stdout, stderr } = migrateIo([command, '-f', '-'], input)
  assert.equal(code, 0, stderr)
  return stdout
}
const injected = cli('inject', BARE)
const edited = toStaging(injected)

test('A14: an injected manifest that was edited since, injected again by the CLI, is as uninject and inject make it', () => {
  const again = parse(cli('inject', edited)) as JsonObject
  assert.deepEqual(again, parse(cli('inject', cli('uninject', edited))))
  const ours = migration(again)
  assert.deepEqual(ours['envFrom'], [{ secretRef: { name: 'staging-db' } }])
  assert.equal(ours['env'], undefined)
  assert.deepEqual(ours['resources'], { limits: { memory: '1Gi' } })
  assert.equal(ours['securityContext'], undefined)
  assert.deepEqual(
    list(ours, 'volumeMounts').map(({ name }) => name),
    ['migrate-io', 'migrate-io-state'],
  )
  assert.deepEqual(
    list(again, ...POD, 'volumes').map(({ name }) => name),
    ['migrate-io', 'migrate-io-state'],
  )
  assert.deepEqual(cli('inject', cli('inject', edited)), cli('inject', edited))
})

test('A14: the same under another name: its volume names its own record', () => {
  const copy = parse(cli('inject', edited.replace('name: web\n', 'name: web-staging\n'))) as JsonObject
  assert.equal(at(copy, 'metadata', 'name'), 'web-staging')
  assert.match(JSON.stringify(list(copy, ...POD, 'volumes')), /"deployment\.web-staging\.migrate-io"/)
  assert.doesNotMatch(JSON.stringify(list(copy, ...POD, 'volumes')), /"deployment\.web\.migrate-io"/)
})

test('A14: explain says of an edited one that it would be injected again, and which fields change; never their values', () => {
  assert.match(cli('explain', injected), /Deployment web: is injected already and would stay as it is\n/)
  const stdout = cli('explain', edited)
  assert.match(stdout, /Deployment web: is injected already and would be injected again, since it differs from what/)
  assert.match(
    stdout,
    /\n {2}init container migrate-io: env, envFrom, resources, securityContext, volumeMounts would change\n/,
  )
  assert.doesNotMatch(stdout, /production-db|staging-db|postgres/)
  assert.match(
    cli('explain', injected.replace('name: web\n', 'name: web-staging\n')),
    /would be injected again.*\n(.*\n)* {2}the injected volumes would change\n/,
  )
})

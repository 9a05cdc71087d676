import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Json, JsonObject } from '../../../../src/json.ts'
import { call } from '../../../support/webhook/process/call.ts'
import { keepAliveAgent, startWebhook } from '../../../support/webhook/process/webhook.ts'
import { deployment, review } from '../../../support/webhook/reviews.ts'

const CANARY = 'canary-7d1f'
const OTHER = 'canary-9b2e' // of the stored object
const COMMAND = { 'migrate.io/command': `migrate --url postgres://u:${CANARY}@db` }

/** A Deployment with the canary wherever a secret or a part of one may stand. */
function secretive(canary: string, annotations: JsonObject = {}, template: JsonObject = {}): JsonObject {
  const made = deployment(
    { annotations: { ...annotations, 'example.com/note': canary }, labels: { note: canary } },
    {
      image: `registry.example/${canary}:1`,
      command: ['sh', '-c', `serve ${canary}`],
      args: [canary],
      env: [
        { name: 'PASSWORD', value: canary },
        { name: 'TOKEN', valueFrom: { secretKeyRef: { name: `secret-${canary}`, key: canary } } },
      ],
      envFrom: [{ secretRef: { name: `secret-${canary}` } }],
      volumeMounts: [{ name: 'secret', mountPath: `/run/${canary}` }],
    },
  )
  const spec = made['spec'] as { template: { metadata: JsonObject; spec: JsonObject } }
  spec.template.metadata = { ...spec.template.metadata, annotations: { 'example.com/token': canary } }
  Object.assign(spec.template.spec, {
    imagePullSecrets: [{ name: `pull-${canary}` }],
    volumes: [{ name: 'secret', secret: { secretName: `secret-${canary}` } }],
    ...template,
  })
  return made
}

const annotated = secretive(CANARY, COMMAND)
const stored = secretive(OTHER, { 'migrate.io/command': `migrate ${OTHER}` })
const update = (object: Json, oldObject: Json = stored) => review(object, { operation: 'UPDATE', oldObject })
const inject = (annotations: JsonObject) => review(secretive(CANARY, { ...COMMAND, ...annotations }))

interface Case {
  readonly body: Json | string
  readonly expect: (status: number, text: string) => boolean
  readonly path?: string
  readonly contentType?: string
}

const isAllowed = (status: number, text: string) => status === 200 && text.includes('"allowed":true')
const isDenied = (status: number, text: string) => status === 200 && text.includes('"allowed":false')
const isTurnedAway = (status: number, text: string) => status >= 400 && status < 500 && text.trim() !== ''
const isFault = (status: number, text: string) => status === 500 && !text.includes(CANARY)

const CASES: { readonly [what: string]: Case } = {
  'create, injected': { body: review(annotated), expect: isAllowed },
  'create, not annotated': { body: review(secretive(CANARY)), expect: isAllowed },
  'update, injected': { body: update(annotated), expect: isAllowed },
  'update, command removed': { body: update(secretive(CANARY)), expect: isAllowed },
  strip: { body: update(annotated), path: '/strip', expect: isAllowed },
  'dry run': { body: review(annotated, { dryRun: true }), expect: isAllowed },
  'denied: unknown annotation': { body: inject({ [`migrate.io/${CANARY}`]: CANARY }), expect: isDenied },
  'denied: bad timeout': { body: inject({ 'migrate.io/timeout': CANARY }), expect: isDenied },
  'denied: bad retries': { body: inject({ 'migrate.io/retries': CANARY }), expect: isDenied },
  'denied: no such container': { body: inject({ 'migrate.io/container': CANARY }), expect: isDenied },
  'denied: bad command': { body: inject({ 'migrate.io/command': `["${CANARY}",` }), expect: isDenied },
  'denied: command too long': { body: inject({ 'migrate.io/command': CANARY.repeat(20_000) }), expect: isDenied },
  'denied: bad shape': { body: review(secretive(CANARY, COMMAND, { containers: CANARY })), expect: isDenied },
  'denied: bad shape, stored': { body: update(annotated, { spec: CANARY, metadata: CANARY }), expect: isDenied },
  'turned away: not JSON': { body: `{"${CANARY}": ${CANARY}`, expect: isTurnedAway },
  'turned away: a text': { body: JSON.stringify(CANARY), expect: isTurnedAway },
  'turned away: kind': { body: { ...review(annotated), kind: CANARY }, expect: isTurnedAway },
  'turned away: version': { body: { ...review(annotated), apiVersion: `${CANARY}/v1` }, expect: isTurnedAway },
  'turned away: operation': { body: review(annotated, { operation: CANARY }), expect: isTurnedAway },
  'turned away: uid': { body: review(annotated, { uid: { [CANARY]: CANARY } }), expect: isTurnedAway },
  'turned away: object': { body: review(CANARY), expect: isTurnedAway },
  'turned away: too deep': {
    body: JSON.stringify(review(annotated)).replace(
      /("object":\{)/,
      `$1"x":${'['.repeat(20_000)}"${CANARY}"${']'.repeat(20_000)},`,
    ),
    expect: (status, text) => isTurnedAway(status, text) || isAllowed(status, text),
  },
  'turned away: content type': { body: review(annotated), contentType: `text/${CANARY}`, expect: isTurnedAway },
  'turned away: path': { body: review(annotated), path: `/${CANARY}`, expect: isTurnedAway },
  'another kind': {
    body: review(
      { kind: 'Secret', data: { password: CANARY } },
      { kind: { group: '', version: 'v1', kind: CANARY }, subResource: CANARY },
    ),
    expect: isAllowed,
  },
  'a fault of ours': { body: inject({ 'example.com/provoke': 'fault' }), expect: isFault },
}

test('S3: commands, env values and names of Secrets never show up in logs or metrics, whatever becomes of the call', async (t) => {
  const preload = pathToFileURL(join(import.meta.dirname, '../../../support/webhook/process/provoke-fault.ts'))
  const webhook = await startWebhook(t, {
    args: ['--log-level', 'debug', '--shutdown-delay-seconds', '0'],
    env: { NODE_OPTIONS: `--import=${preload}` },
  })
  const agent = keepAliveAgent(t)
  for (const [what, { body, expect, ...options }] of Object.entries(CASES)) {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await call(webhook, { agent, body: text, ...options })
    assert.ok(expect(answer.status, answer.text), `${what}: ${answer.status} ${answer.text.slice(0, 500)}`)
  }
  const metrics = (await call(webhook, { agent, path: '/metrics' })).text
  webhook.signal('SIGTERM')
  await webhook.ended
  const log = webhook.lines().join('\n')
  assert.match(log, /"outcome":"refused"/)
  assert.match(log, /"a request was rejected"/)
  assert.match(log, /"a request failed"/)
  assert.match(metrics, /outcome="error",reason="internal"\} 1/)
  for (const [where, text] of Object.entries({ log, stderr: webhook.stderr(), metrics }))
    assert.deepEqual(
      text.split('\n').filter((line) => line.includes('canary')),
      [],
      where,
    )
})

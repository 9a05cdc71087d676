import assert from 'node:assert/strict'
import { test } from 'node:test'
import { factsOf, firstOf } from '../../../bench/rollout/trail.ts'
import type { AuditEvent } from '../../../support/cluster/audit-log.ts'

const STORED = '2026-01-01T00:00:01.500000Z'
const STORED_MS = Date.parse('2026-01-01T00:00:01.500Z')

function event(resource: string, requestObject: object, more: Partial<AuditEvent> = {}): AuditEvent {
  const [kind = '', subresource] = resource.split('/')
  return {
    verb: 'patch',
    objectRef: { resource: kind, namespace: 'shop', name: 'one', ...(subresource && { subresource }) },
    responseStatus: { code: 200 },
    requestObject,
    requestReceivedTimestamp: '2026-01-01T00:00:01.000000Z',
    stageTimestamp: STORED,
    ...more,
  }
}

test('a rollout begins when the request arrives, also of a new object, whose name is in its body', () => {
  const asked = { kind: 'asked', of: 'one', atMs: STORED_MS - 500 }
  assert.deepEqual(factsOf(event('deployments', {})), [asked])
  const ref = { resource: 'jobs', namespace: 'shop' }
  const body = { metadata: { name: 'one' } }
  assert.deepEqual(factsOf(event('jobs', body, { verb: 'create', objectRef: ref })), [asked])
  assert.deepEqual(factsOf(event('deployments', {}, { verb: 'update' })), [], 'its controller, not a user')
})

test('a rollout ends when all replicas are of the generation and available, and no other is left', () => {
  const status = { observedGeneration: 4, replicas: 3, updatedReplicas: 3, availableReplicas: 3 }
  const deployment = (change: object) =>
    factsOf(
      event('deployments/status', {
        metadata: { generation: 4 },
        spec: { replicas: 3 },
        status: { ...status, ...change },
      }),
    )
  assert.deepEqual(deployment({}), [{ kind: 'complete', of: 'one', generation: 4, atMs: STORED_MS }])
  for (const change of [{ observedGeneration: 3 }, { replicas: 4 }, { updatedReplicas: 2 }, { availableReplicas: 2 }])
    assert.deepEqual(deployment(change), [], JSON.stringify(change))
})

test("kubelet's patches tell what containers do; the first of a kind counts", () => {
  const running = { initContainerStatuses: [{ name: 'migrate-io', state: { running: {} } }] }
  const ended = { initContainerStatuses: [{ name: 'migrate-io', state: { terminated: { exitCode: 0 } } }] }
  const ready = { conditions: [{ type: 'Ready', status: 'True' }] }
  const facts = [running, { ...ended, ...ready }, ended].flatMap((status, index) =>
    factsOf(event('pods/status', { status }, { stageTimestamp: `2026-01-01T00:00:0${index}Z` })),
  )
  assert.deepEqual(
    facts.map(({ kind }) => kind),
    ['running', 'ended', 'ready', 'ended'],
  )
  assert.equal(firstOf(facts, 'ended', 'one'), Date.parse('2026-01-01T00:00:01Z'))
  assert.equal(firstOf(facts, 'ended', 'another'), undefined)
  const failed = { initContainerStatuses: [{ name: 'migrate-io', state: { terminated: { exitCode: 1 } } }] }
  assert.deepEqual(factsOf(event('pods/status', { status: failed })), [])
})

test('a grant counts once it is stored, not when it was refused', () => {
  const body = { metadata: { annotations: { 'migrate.io/grant': 'run 1' } } }
  const told = { kind: 'told', pod: 'one', grant: 'run 1', atMs: STORED_MS }
  assert.deepEqual(factsOf(event('pods/status', body)), [told])
  assert.deepEqual(factsOf(event('pods/status', body, { responseStatus: { code: 409 } })), [])
})

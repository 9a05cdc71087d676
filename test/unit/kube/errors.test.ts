import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { KubeError } from '../../../src/kube/api.ts'
import { createApi } from '../../../src/kube/client.ts'
import { systemClock } from '../../../src/kube/clock.ts'
import { connect } from '../../../src/kube/transport.ts'
import { watchStream } from '../../../src/kube/watch-stream.ts'
import { FakeApiServer } from '../../support/kube/fake-api-server.ts'
import { line } from '../../support/kube/objects.ts'

const CANARY = 'canary-of-a-secret'

/** All that could reach a log. */
function inFull(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return `${error.message} ${error.stack} ${error.cause === undefined ? '' : inFull(error.cause)}`
}

function quotesNothing(says: RegExp) {
  return (error: unknown) => {
    assert.match((error as Error).message, says)
    assert.doesNotMatch(inFull(error), /canary/)
    return true
  }
}

describe('S3: an answer that makes no sense is described and not quoted', () => {
  for (const [what, status, type, text, says] of [
    ['a page', 200, 'text/html', `<p>${CANARY}</p>`, /status 200, text\/html, 25 characters/],
    [
      'another object',
      200,
      'application/json',
      `{"kind":"Secret","data":"${CANARY}"}`,
      /status 200, application\/json/,
    ],
    ['half an object', 200, 'application/json', `{"data":{"key":"${CANARY}`, /isn't JSON: status 200/],
    ['hardly an object', 200, 'application/json', CANARY, /isn't JSON: status 200/],
    ['an error in words', 500, 'text/plain', CANARY, /status 500, text\/plain/],
    ['an error in other words', 403, 'application/json', `["${CANARY}"]`, /status 403/],
  ] as const)
    test(what, async (t) => {
      const server = await FakeApiServer.start(t, (response) => {
        response.writeHead(status, { 'content-type': type }).end(text)
      })
      const transport = await connect(server.target)
      t.after(() => transport.close())
      const api = createApi(transport)
      await assert.rejects(api.read('Pod', 'shop', 'a'), quotesNothing(says))
      await assert.rejects(
        api.list('Pod', {}, ({ metadata }) => metadata.name),
        quotesNothing(says),
      )
    })
})

describe('S3: a line of a watch that makes no sense is described and not quoted', () => {
  for (const [what, text, says] of [
    ['no JSON', `{"type":"ADDED","object":{"env":"${CANARY}\n`, /a line of \d+ characters, which isn't JSON/],
    ['not even half', `${CANARY}\n`, /a line of 18 characters, which isn't JSON/],
    ['no object', `"${CANARY}"\n`, /which isn't an object/],
    ['no event', line('SURPRISE', { env: CANARY }), /which isn't an event/],
    ['an object without a version', line('ADDED', { env: CANARY }), /which isn't an event/],
    ['an error without words', line('ERROR', { env: CANARY }), /500/],
  ] as const)
    test(what, async (t) => {
      const server = await FakeApiServer.start(t, (response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(text)
      })
      const transport = await connect(server.target)
      t.after(() => transport.close())
      const events = watchStream(transport, 'Pod', {
        ...{ selection: {}, resourceVersion: '1', timeoutSeconds: 60, stallMs: 5_000, clock: systemClock },
        signal: t.signal,
      })
      await assert.rejects(events.next(), (error: unknown) => quotesNothing(says)(KubeError.of(error)))
    })
})

import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Json } from '../migration/json.ts'
import { InFlight } from './in-flight.ts'
import { hasTooManyValues } from './json-cost.ts'
import { RequestError } from './request-error.ts'

const MIB = 1024 * 1024
const BODY_MAX_BYTES = 7 * MIB // the API server takes objects up to 3 MiB, and an UPDATE carries two
const LARGE_BODY_BYTES = 256 * 1024 // smaller ones never wait; most reviews have 10 to 20 KiB
// Two of the largest. S4 allows 32 MiB, but with what parsing makes of the worst of them that went beyond the pod's 256 MiB.
const IN_FLIGHT_MAX_BYTES = 15 * MIB

type Done = (error: Error | null, body?: Json) => void

/**
 * Makes the routes of this scope read JSON bodies and nothing else. What comes out is what JSON.parse gives, untouched:
 * `__proto__` is a key like any other. A large body waits for room before a byte of it is read, so that it is the sender's
 * socket that fills up and not our memory; senders that are slow are ended by the server's request timeout.
 */
export function readJsonBodies(scope: FastifyInstance, inFlight = new InFlight(IN_FLIGHT_MAX_BYTES)): void {
  scope.addHook('onRequest', (request, reply, next) => {
    const refused = refusal(request)
    const bytes = declaredBytes(request)
    if (refused !== undefined || bytes <= LARGE_BODY_BYTES) return next(refused)
    const leave = inFlight.enter(bytes, next)
    reply.raw.once('close', leave) // the answer was sent, or its socket is gone
  })
  scope.addContentTypeParser('application/json', (request, payload, done) =>
    read(payload, declaredBytes(request), done),
  )
}

/** Why a request is turned away before its body is read. */
function refusal({ headers }: FastifyRequest): RequestError | undefined {
  if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')) {
    return new RequestError(415, 'content-type', 'The body must be sent as content-type application/json.')
  }
  if (headers['content-length'] === undefined) {
    return new RequestError(411, 'length-required', 'The length of the body must be sent in a content-length header.')
  }
  const bytes = Number(headers['content-length'])
  if (bytes === 0) return new RequestError(400, 'body-empty', 'The body is empty, but must be an AdmissionReview.')
  if (bytes <= BODY_MAX_BYTES) return undefined
  return new RequestError(413, 'body-too-large', `The body has ${bytes} bytes, but at most ${BODY_MAX_BYTES} are read.`)
}

function declaredBytes({ headers }: FastifyRequest): number {
  return Number(headers['content-length'])
}

/** Buffers of the size that most bodies fit in, for the next ones: a fresh one for each call costs a tenth of the call. */
const spare: Buffer<ArrayBuffer>[] = []
const SPARE_BYTES = 32 * 1024
const SPARE_MAX_COUNT = 64 // 2 MiB

function take(bytes: number): Buffer<ArrayBuffer> {
  // Of the declared size: pages of it that never arrive cost nothing.
  if (bytes > SPARE_BYTES) return Buffer.allocUnsafeSlow(bytes)
  return spare.pop() ?? Buffer.allocUnsafeSlow(SPARE_BYTES)
}

function giveBack(body: Buffer<ArrayBuffer>): void {
  if (body.length === SPARE_BYTES && spare.length < SPARE_MAX_COUNT) spare.push(body)
  // Gives its memory back now, not at some later garbage collection.
  else if (body.length > LARGE_BODY_BYTES) body.buffer.transfer(0)
}

function read(payload: NodeJS.ReadableStream, bytes: number, done: Done): void {
  const body = take(bytes)
  let length = 0
  payload.on('data', (chunk: Buffer) => {
    if (!finished) length += chunk.copy(body, length, 0, bytes - length)
  })
  payload.once('end', () => finish(() => (length < bytes ? aborted() : parsed(body, length))))
  payload.once('error', () => finish(aborted))
  payload.once('close', () => finish(aborted)) // comes after `end` too

  let finished = false
  function finish(result: () => Parameters<Done>): void {
    if (finished) return
    finished = true
    const outcome = result()
    giveBack(body)
    done(...outcome)
  }
}

function parsed(body: Buffer, length: number): Parameters<Done> {
  if (length > LARGE_BODY_BYTES && hasTooManyValues(body)) {
    return [
      new RequestError(
        413,
        'body-too-many-values',
        'The body holds more values or more different keys than any Deployment.',
      ),
    ]
  }
  try {
    return [null, JSON.parse(body.toString('utf8', 0, length)) as Json]
  } catch {
    // V8's own message quotes the body, which may hold secrets.
    return [new RequestError(400, 'body-not-json', 'The body is not valid JSON.')]
  }
}

function aborted(): Parameters<Done> {
  return [new RequestError(400, 'body-aborted', 'The body ended before its declared length.')]
}

import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Json } from '../migration/json.ts'
import { type Incoming, InFlight, LOOK_MS } from './in-flight.ts'
import { hasTooManyValues } from './json-cost.ts'
import { RequestError } from './request-error.ts'

const MIB = 1024 * 1024
const BODY_MAX_BYTES = 7 * MIB // the API server takes objects up to 3 MiB, and an UPDATE carries two
const LARGE_BODY_BYTES = 256 * 1024 // most reviews have 10 to 20 KiB
// Two of the largest. S4 allows 32 MiB, but with what parsing makes of the worst of them that went beyond the pod's 256 MiB.
const IN_FLIGHT_MAX_BYTES = 15 * MIB

type Done = (error: Error | null, body?: Json) => void

declare module 'fastify' {
  interface FastifyRequest {
    incoming: IncomingBody | null
  }
}

/**
 * Makes the routes of this scope read JSON bodies and nothing else. What comes out is what JSON.parse gives, untouched:
 * `__proto__` is a key like any other. Each body waits for room before a byte of it is read, so that it is the sender's
 * socket that fills up and not our memory. Senders that are slow are ended by the server's request timeout, and sooner where
 * others wait for their room.
 */
export function readJsonBodies(scope: FastifyInstance, inFlight = new InFlight(IN_FLIGHT_MAX_BYTES, LOOK_MS)): void {
  const known = new WeakSet<object>()
  scope.decorateRequest('incoming', null)
  scope.addHook('onRequest', (request, reply, next) => {
    const refused = refusal(request)
    if (refused !== undefined) return next(refused)
    const { socket } = request
    request.incoming = new IncomingBody(request, known.has(socket), next)
    const leave = inFlight.enter(request.incoming)
    // The answer was sent, or its socket is gone.
    reply.raw.once('close', () => {
      if (reply.statusCode === 200) known.add(socket)
      leave()
    })
  })
  scope.addContentTypeParser('application/json', (request, payload, done) => {
    if (request.incoming === null) throw new Error('a body that was not counted')
    request.incoming.read(payload, done)
  })
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
  else body.buffer.transfer(0) // gives its memory back now, not at some later garbage collection
}

/** The body of one request, from when it waits for room until its answer is sent. */
class IncomingBody implements Incoming {
  readonly bytes: number
  readonly address: string
  readonly isKnown: boolean
  readonly #request: FastifyRequest
  readonly #next: (refused?: RequestError) => void
  #received = 0
  #giveUp: (() => void) | undefined

  constructor(request: FastifyRequest, isKnown: boolean, next: (refused?: RequestError) => void) {
    this.bytes = Number(request.headers['content-length'])
    this.address = request.socket.remoteAddress ?? ''
    this.isKnown = isKnown
    this.#request = request
    this.#next = next
  }

  start(): void {
    this.#next()
  }

  turnAway(): void {
    this.#next(new RequestError(429, 'too-many-bodies', 'Too many bodies wait to be read.'))
  }

  receivedBytes(): number {
    return this.#received
  }

  cutOff(): void {
    if (this.#giveUp) this.#giveUp()
    else this.#request.raw.destroy() // it is an answer that isn't taken
  }

  read(payload: NodeJS.ReadableStream, done: Done): void {
    const body = take(this.bytes)
    payload.on('data', (chunk: Buffer) => {
      if (!finished) this.#received += chunk.copy(body, this.#received, 0, this.bytes - this.#received)
    })
    payload.once('end', () => finish(() => (this.#received < this.bytes ? aborted() : parsed(body, this.#received))))
    payload.once('error', () => finish(aborted))
    payload.once('close', () => finish(aborted)) // comes after `end` too
    this.#giveUp = () => finish(tooSlow)

    let finished = false
    const finish = (result: () => Parameters<Done>) => {
      if (finished) return
      finished = true
      this.#giveUp = undefined
      const outcome = result()
      giveBack(body)
      done(...outcome)
    }
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

function tooSlow(): Parameters<Done> {
  return [new RequestError(408, 'body-too-slow', 'The body came too slowly, and others waited for its room.')]
}

function aborted(): Parameters<Done> {
  return [new RequestError(400, 'body-aborted', 'The body ended before its declared length.')]
}

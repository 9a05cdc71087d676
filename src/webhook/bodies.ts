import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Json } from '../json.ts'
import { type Incoming, InFlight, LOOK_MS } from './in-flight.ts'
import { RequestError } from './review.ts'

const MIB = 1024 * 1024
const BODY_MAX_BYTES = 7 * MIB // the API server takes objects up to 3 MiB, and an UPDATE carries two
const LARGE_BODY_BYTES = 256 * 1024 // most reviews have 10 to 30 KiB
// Two of the largest. S4 allows 32 MiB, but with what parsing makes of the worst of them that went beyond the pod's 256 MiB.
const IN_FLIGHT_MAX_BYTES = 15 * MIB
const SPARE_BYTES = 32 * 1024
const SPARE_MAX_COUNT = 64 // 2 MiB

type Done = (error: Error | null, body?: Json) => void

declare module 'fastify' {
  interface FastifyRequest {
    /** The response, for those that read the body. */
    response: ServerResponse | null
  }
}

/**
 * Makes the routes of this scope read JSON bodies and nothing else. What comes out is what JSON.parse gives, untouched:
 * `__proto__` is a key like any other. Each body waits for room before it is read, so that it is the sender's socket that
 * fills up and not our memory. Senders that are slow are ended by the server's request timeout, and sooner where others wait
 * for their room.
 */
export function readJsonBodies(scope: FastifyInstance, inFlight = new InFlight(IN_FLIGHT_MAX_BYTES, LOOK_MS)): void {
  const known = new WeakSet<Socket>()
  scope.decorateRequest('response', null)
  scope.addHook('onRequest', (request, reply, next) => {
    request.response = reply.raw
    next(refusal(request))
  })
  scope.addContentTypeParser('application/json', (request, payload, done) => {
    const { socket, response } = request
    let leave: (() => void) | undefined
    const body = new Body(request, payload, known.has(socket), (error, json) => {
      if (error === null && !body.isKnown) known.add(socket)
      done(error, json)
      // Its answer takes hardly anything, and to wait for its end would take a tenth of the call.
      if (body.bytes <= SPARE_BYTES) leave?.()
    })
    leave = inFlight.enter(body)
    // The answer was sent, or its socket is gone.
    if (body.bytes > SPARE_BYTES || body.isWaiting) response?.once('close', leave)
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
  return new RequestError(
    413,
    'body-too-large',
    `The body has ${bytes} bytes, but at most ${BODY_MAX_BYTES} are accepted.`,
  )
}

/** The body of one request, from when it waits for room. */
class Body implements Incoming {
  readonly bytes: number
  readonly address: string
  readonly isKnown: boolean
  readonly #socket: Socket
  readonly #payload: NodeJS.ReadableStream
  readonly #done: Done
  #buffer: Buffer<ArrayBuffer> | undefined
  #received = 0
  #isDone = false

  constructor(request: FastifyRequest, payload: NodeJS.ReadableStream, isKnown: boolean, done: Done) {
    this.bytes = Number(request.headers['content-length'])
    this.address = request.socket.remoteAddress ?? ''
    this.isKnown = isKnown
    this.#socket = request.socket
    this.#payload = payload
    this.#done = done
  }

  get isWaiting(): boolean {
    return this.#buffer === undefined && !this.#isDone
  }

  start(): void {
    const buffer = take(this.bytes)
    this.#buffer = buffer
    this.#payload.on('data', (chunk: Buffer) => {
      if (!this.#isDone) this.#received += chunk.copy(buffer, this.#received, 0, this.bytes - this.#received)
    })
    this.#payload.once('end', () => this.#finish(this.#received < this.bytes ? aborted : parsed))
    this.#payload.once('error', () => this.#finish(aborted))
    this.#payload.once('close', () => this.#finish(aborted)) // comes after `end` too
  }

  receivedBytes(): number {
    return this.#received
  }

  cutOff(): void {
    if (this.#isDone)
      this.#socket.destroy() // it is the answer that isn't taken
    else this.#finish(tooSlow)
  }

  turnAway(): void {
    this.#finish(tooMany)
  }

  #finish(outcomeOf: (body: Buffer, length: number) => Parameters<Done>): void {
    if (this.#isDone) return
    this.#isDone = true
    const outcome = outcomeOf(this.#buffer ?? NOTHING, this.#received)
    if (this.#buffer) giveBack(this.#buffer)
    this.#buffer = undefined
    this.#done(...outcome)
  }
}

/** Buffers of the size that most bodies fit in, for the next ones: a fresh one for each call costs a tenth of the call. */
const spare: Buffer<ArrayBuffer>[] = []

function take(bytes: number): Buffer<ArrayBuffer> {
  // Of the declared size: pages of it that never arrive cost nothing.
  if (bytes > SPARE_BYTES) return Buffer.allocUnsafeSlow(bytes)
  return spare.pop() ?? Buffer.allocUnsafeSlow(SPARE_BYTES)
}

function giveBack(body: Buffer<ArrayBuffer>): void {
  if (body.length === SPARE_BYTES && spare.length < SPARE_MAX_COUNT) spare.push(body)
  else body.buffer.transfer(0) // gives its memory back now, not at some later garbage collection
}

const NOTHING = Buffer.alloc(0)

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

function tooMany(): Parameters<Done> {
  return [new RequestError(429, 'too-many-bodies', 'Too many request bodies are waiting to be read.')]
}

function tooSlow(): Parameters<Done> {
  return [new RequestError(408, 'body-too-slow', 'The body arrived too slowly while other requests waited.')]
}

function aborted(): Parameters<Done> {
  return [new RequestError(400, 'body-aborted', 'The body ended before its declared length.')]
}

// An UPDATE with two objects of 1.4 MiB that are nothing but short environment variables counts some 340,000. At some 140 bytes
// a value in memory, 7 MiB of `[],[],…` would otherwise go beyond the pod's 256 MiB.
const MAX_VALUES = 400_000
// A key that occurs once costs V8 a hidden class, some 300 bytes more. Keys repeat in every real object but for the names in
// managedFields: one for each environment variable, say.
const MAX_DIFFERENT_KEYS = 30_000
const KEY_BUCKETS = 2 ** 17 // keys are told apart by a hash of that size: some pass as equal, which only lets more in
const HASHED_BYTES = 64 // of a key; longer ones are few for their length
// Kubernetes' own decoder stops at 10,000; no Deployment is deeper than some tens.
const MAX_DEPTH = 1_000
const BYTE = { quote: 0x22, comma: 0x2c, openBracket: 0x5b, backslash: 0x5c, openBrace: 0x7b, colon: 0x3a } as const

/** Whether JSON text holds more values, or more different keys, than any real review. In one pass, without parsing it. */
export function hasTooManyValues(text: Uint8Array): boolean {
  const seenKeys = new Uint8Array(KEY_BUCKETS)
  let values = 0
  let keys = 0
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]
    if (byte === BYTE.quote) {
      const { end, hash } = passString(text, at + 1)
      at = end
      while (isSpace(text[at + 1])) at++
      if (text[at + 1] !== BYTE.colon || seenKeys[hash] === 1) continue
      seenKeys[hash] = 1
      if (++keys > MAX_DIFFERENT_KEYS) return true
    } else if (byte === BYTE.comma || byte === BYTE.openBracket || byte === BYTE.openBrace) {
      if (++values > MAX_VALUES) return true
    }
  }
  return false
}

/** From the first byte of a string to its closing quote, and a bucket for how it begins. */
function passString(text: Uint8Array, start: number): { end: number; hash: number } {
  let hash = 0
  let at = start
  for (const hashed = start + HASHED_BYTES; at < hashed && at < text.length && text[at] !== BYTE.quote; at++) {
    if (text[at] === BYTE.backslash) at++
    hash = (Math.imul(hash, 31) + (text[at] ?? 0)) | 0
  }
  return { end: closingQuote(text, at), hash: (hash ^ (hash >>> 15)) & (KEY_BUCKETS - 1) }
}

/** The next quote that no backslash makes part of the string; `from` is not behind an open backslash. */
function closingQuote(text: Uint8Array, from: number): number {
  for (let at = from; ; at++) {
    at = text.indexOf(BYTE.quote, at)
    if (at === -1) return text.length
    let backslashes = 0
    while (at - backslashes > from && text[at - backslashes - 1] === BYTE.backslash) backslashes++
    if (backslashes % 2 === 0) return at
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** Whether parsed JSON is nested deeper than recursive code can follow. Without recursion itself. */
export function isTooDeep(json: unknown): boolean {
  let level: unknown[] = [json]
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []))
    if (level.length === 0) return false
  }
  return true
}
